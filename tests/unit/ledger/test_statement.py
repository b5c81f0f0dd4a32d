"""What each fact changes on its account: what is owed, and what is reserved."""

from typing import Any

import pytest

from schemas.redemption_facts import (
    BalanceAdjusted,
    HoldCaptured,
    HoldEnded,
    HoldPlaced,
    ValidityExtended,
    ValueReceived,
    ValueSent,
    ValueTaken,
)
from schemas.value import Draw, Hold
from services.ledger.statement import Account, Entry, post
from tests.unit.ledger.facts import account_fact, at, lot, part, published, refunded


def hold(name: str, *reserved: int, captured: int = 0) -> Hold:
    draws = [Draw(lot=f"lot-{number}", minor=minor) for number, minor in enumerate(reserved)]
    minor = sum(reserved) + captured
    return Hold(hold=name, minor=minor, captured=captured, placed_at=0, ends_at=1, draws=draws)


def posted(account: Account, type: str, made: Any, /, **fields: Any) -> tuple[int, int]:
    """The change of what is owed and of what is reserved."""
    body = account_fact(made, at("A"), **fields) if fields else made
    entry: Entry = post(account, published(type, body))
    assert entry.ledger_after == account.ledger_minor
    assert entry.held_after == account.held_minor == sum(account.holds.values())
    return entry.ledger_change, entry.held_change


def open_account() -> Account:
    return Account("card-1", ledger_minor=10_000, held_minor=3_000, holds={"h1": 3_000})


def captured(account: Account, minor: int, left: Hold | None, name: str = "h1") -> tuple[int, int]:
    return posted(
        account,
        "hold_captured",
        HoldCaptured,
        hold_id=name,
        capture="r1",
        minor=minor,
        requested_minor=minor,
        exception_minor=0,
        late=False,
        final=left is None,
        parts=[part(minor)],
        lines=[],
        draws=[],
        hold=left,
        released_minor=0,
    )


def test_a_last_capture_frees_what_its_hold_still_reserved() -> None:
    assert captured(open_account(), 1_000, None) == (-1_000, -3_000)


def test_a_capture_of_many_leaves_the_rest_reserved() -> None:
    assert captured(open_account(), 1_000, hold("h1", 2_000, captured=1_000)) == (-1_000, -1_000)


def test_a_late_capture_of_a_hold_that_had_lapsed_frees_nothing() -> None:
    assert captured(open_account(), 1_000, None, name="gone") == (-1_000, 0)


def test_a_hold_reserves_until_it_ends() -> None:
    account = open_account()
    said = {"requested_minor": 700, "due_minor": 0}
    placed = posted(account, "hold_placed", HoldPlaced, hold=hold("h2", 500, 200), **said)
    assert placed == (0, 700)
    raised = posted(account, "hold_increased", HoldPlaced, hold=hold("h2", 500, 400), **said)
    assert raised == (0, 200)
    assert posted(account, "hold_released", HoldEnded, hold_id="h2", minor=900) == (0, -900)
    assert posted(account, "hold_lapsed", HoldEnded, hold_id="h2", minor=0) == (0, 0)


def test_what_moves_to_another_account_takes_its_holds_along() -> None:
    old, new = open_account(), Account("card-2")
    moved = {"lots": [lot(10_000)], "holds": [hold("h1", 3_000)], "minor": 10_000}
    assert posted(old, "value_sent", ValueSent, to="card-2", reason="x", **moved) == (
        -10_000,
        -3_000,
    )
    assert posted(new, "value_received", ValueReceived, sender="card-1", **moved) == (
        10_000,
        3_000,
    )
    assert (old.holds, new.holds) == ({}, {"h1": 3_000})


@pytest.mark.parametrize(("to_same", "change"), [(True, 400), (False, 0)])
def test_a_refund_counts_where_it_goes(to_same: bool, change: int) -> None:
    body = refunded("A", "A", part(400), to_same=to_same)
    assert posted(open_account(), "capture_refunded", body) == (change, 0)


@pytest.mark.parametrize("type", ["cashed_out", "lots_expired", "value_escheated"])
def test_what_is_taken_is_owed_no_more(type: str) -> None:
    fields = {"minor": 600, "parts": [part(600)], "cause": "sweep"}
    assert posted(open_account(), type, ValueTaken, **fields) == (-600, 0)


def test_adjustments_are_signed_and_extensions_restore() -> None:
    account = open_account()
    down = {"minor": -600, "reason": "x", "parts": [part(600)], "lots": []}
    assert posted(account, "balance_adjusted", BalanceAdjusted, **down) == (-600, 0)
    again = {"expires_at": 9, "reason": "x", "approved_by": "ann", "lots": [lot(600)]}
    restored = posted(account, "validity_extended", ValidityExtended, parts=[part(600)], **again)
    assert restored == (600, 0)
