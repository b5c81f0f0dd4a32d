"""What returns mean: matching, remedies, blocks and deadlines."""

from dataclasses import replace
from datetime import date

import pytest

from services.settlement.nacha.file import parse, parse_from_bank, render
from services.settlement.nacha.validator import problems_from_bank
from services.settlement.returns import (
    Mismatch,
    Outcome,
    Remedy,
    Returned,
    SentEntry,
    decide,
    match,
    may_represent,
    read,
)
from tests.unit.settlement.bank_files import RETURNS, correction_file, return_file

SENT = SentEntry(
    trace="021000020000002",
    location="B",
    direction="debit",
    amount_minor=1800,
    routing="011401533",
    account="100201",
    attempt=0,
    effective=date(2026, 5, 13),
    effective_first=date(2026, 5, 13),
    state="settled",
)
RETURNED = Returned(
    code="R01",
    original_trace="021000020000002",
    original_rdfi="01140153",
    direction="debit",
    amount_minor=1800,
    account="100201",
    trace="011401530000009",
)
IN_TIME = date(2026, 5, 14)


def test_a_banks_return_file_is_read_entry_by_entry() -> None:
    credit, debit = read(parse_from_bank(RETURNS))
    assert (debit.code, credit.code) == ("R03", "R01")
    assert (debit.direction, credit.direction) == ("debit", "credit")
    assert debit == Returned(
        code="R03",
        original_trace="021000020000003",
        original_rdfi="01140153",
        direction="debit",
        amount_minor=4565,
        account="867530999",
        trace="011401539461242",
    )
    assert problems_from_bank(parse_from_bank(RETURNS)) == ()


def test_a_return_file_may_lack_trailing_blanks_filling_and_the_last_line_end() -> None:
    bare = RETURNS.replace("\n", "\r\n").removesuffix("\r\n")
    whole = "".join(f"{line:94}\n" for line in RETURNS.splitlines())
    assert any(len(line) < 94 for line in RETURNS.splitlines())
    assert parse_from_bank(bare) == parse(whole)


def test_a_return_of_our_entry_reads_back_and_matches_it() -> None:
    file = return_file(SENT, "R01")
    assert parse(render(file)) == file
    assert problems_from_bank(file) == ()
    (returned,) = read(file)
    assert match(returned, [SENT]) == SENT


def test_a_return_file_that_does_not_add_up_is_not_believed() -> None:
    file = return_file(SENT, "R01")
    wrong = replace(file, control=replace(file.control, debit_minor=1))
    assert [p.rule for p in problems_from_bank(wrong)] == ["control says debit_minor 1, not 1800"]


def test_a_forward_entry_in_a_return_file_is_not_believed() -> None:
    file = return_file(SENT, "R01")
    (batch,) = file.batches
    (entry,) = batch.entries
    forward = replace(entry, detail=replace(entry.detail, code=27))
    wrong = replace(file, batches=(replace(batch, entries=(forward,)),))
    found = [p.rule for p in problems_from_bank(wrong)]
    assert found == ["transaction code 27 is not a return's or a correction's"]


def test_a_correction_is_no_return() -> None:
    assert list(read(correction_file(SENT, "C01", "123"))) == []


@pytest.mark.parametrize(
    ("changes", "mismatch"),
    [
        ({"original_rdfi": "02100002"}, Mismatch.ROUTING_DIFFERS),
        ({"account": "100202"}, Mismatch.ACCOUNT_DIFFERS),
        ({"amount_minor": 1801}, Mismatch.AMOUNT_DIFFERS),
        ({"direction": "credit"}, Mismatch.DIRECTION_DIFFERS),
        ({"original_trace": "021000020000003"}, Mismatch.UNKNOWN_TRACE),
    ],
)
def test_a_return_that_differs_in_anything_matches_nothing(
    changes: dict[str, object], mismatch: Mismatch
) -> None:
    assert match(replace(RETURNED, **changes), [SENT]) is mismatch  # type: ignore[arg-type]


def test_a_return_of_an_unknown_trace_matches_nothing() -> None:
    assert match(RETURNED, []) is Mismatch.UNKNOWN_TRACE


@pytest.mark.parametrize("state", ["planned", "filed"])
def test_what_was_never_sent_cannot_be_returned(state: str) -> None:
    unsent = replace(SENT, state=state)  # type: ignore[arg-type]  # the literal's own words
    assert match(RETURNED, [unsent]) is Mismatch.NOT_SENT


def test_a_second_return_of_an_entry_matches_nothing() -> None:
    assert match(RETURNED, [replace(SENT, state="returned")]) is Mismatch.ALREADY_RETURNED


def test_when_a_trace_has_come_round_amount_and_account_tell_the_entries_apart() -> None:
    old = replace(SENT, amount_minor=999, effective=date(2025, 11, 3), state="final")
    assert match(RETURNED, [old, SENT]) == SENT
    assert match(RETURNED, [SENT, old]) == SENT
    assert match(replace(RETURNED, amount_minor=5), [old, SENT]) is Mismatch.AMOUNT_DIFFERS


@pytest.mark.parametrize("code", ["R01", "R09"])
def test_a_debit_without_funds_is_presented_again_twice_and_then_collected(code: str) -> None:
    assert decide(code, SENT, IN_TIME) == Outcome(Remedy.REPRESENT)
    assert decide(code, replace(SENT, attempt=1), IN_TIME) == Outcome(Remedy.REPRESENT)
    assert decide(code, replace(SENT, attempt=2), IN_TIME) == Outcome(Remedy.COLLECTIONS)


def test_a_debit_is_presented_again_within_180_days_of_the_first() -> None:
    assert may_represent(SENT, date(2026, 11, 9))
    assert not may_represent(SENT, date(2026, 11, 10))
    second = replace(SENT, attempt=1, effective=date(2026, 11, 9))
    assert decide("R01", second, date(2026, 11, 10)).remedy is Remedy.COLLECTIONS


@pytest.mark.parametrize("code", ["R02", "R03", "R04", "R16", "R20"])
def test_an_account_that_is_not_usable_is_blocked_and_the_debt_waits_for_it(code: str) -> None:
    assert decide(code, SENT, IN_TIME) == Outcome(Remedy.REPRESENT, blocks_account=True)
    last = replace(SENT, attempt=2)
    assert decide(code, last, IN_TIME) == Outcome(Remedy.COLLECTIONS, blocks_account=True)


@pytest.mark.parametrize("code", ["R05", "R07", "R10", "R29"])
def test_a_denied_authorisation_blocks_revokes_and_alerts(code: str) -> None:
    outcome = decide(code, SENT, IN_TIME)
    assert outcome == Outcome(
        Remedy.OWED_AGAIN, blocks_account=True, revokes_authorisation=True, alerts=True
    )


@pytest.mark.parametrize("code", ["R01", "R03", "R23", "R29"])
def test_a_returned_credit_is_still_owed_and_never_presented_again(code: str) -> None:
    outcome = decide(code, replace(SENT, direction="credit"), IN_TIME)
    assert outcome.remedy is Remedy.STILL_OWED
    assert outcome.blocks_account is (code in ("R03", "R29"))


def test_a_stopped_payment_is_owed_but_not_presented_again() -> None:
    assert decide("R08", SENT, IN_TIME) == Outcome(Remedy.OWED_AGAIN)


def test_a_returned_prenote_moves_no_money() -> None:
    outcome = decide("R03", replace(SENT, amount_minor=0), IN_TIME)
    assert outcome == Outcome(Remedy.PRENOTE_FAILED, blocks_account=True)


@pytest.mark.parametrize("code", ["R61", "R70", "R71", "R77", "R99", "R00", "", "X01"])
def test_codes_nobody_automated_change_no_books_and_alert(code: str) -> None:
    assert decide(code, SENT, IN_TIME) == Outcome(Remedy.EXCEPTION, alerts=True)


@pytest.mark.parametrize(
    ("code", "received", "untimely"),
    [
        ("R01", date(2026, 5, 15), False),
        ("R01", date(2026, 5, 18), True),
        ("R29", date(2026, 5, 18), True),
        ("R10", date(2026, 7, 12), False),
        ("R10", date(2026, 7, 13), True),
    ],
)
def test_a_late_return_is_booked_all_the_same_and_flagged(
    code: str, received: date, untimely: bool
) -> None:
    outcome = decide(code, SENT, received)
    assert outcome.untimely is untimely
    assert outcome.remedy is not Remedy.EXCEPTION
