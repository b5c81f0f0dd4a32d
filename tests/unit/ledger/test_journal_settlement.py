"""Which legs items, runs, returns and breakage post, between entities and to the bank."""

from typing import Any, Literal

import pytest

from schemas.ledger import BreakageLine, BreakageRecognized
from schemas.settlement import (
    Entry,
    EntryReturned,
    FileBuilt,
    ItemAccrued,
    Moved,
    Obligation,
    Position,
    RunClosed,
    RunSettled,
)
from tests.unit.ledger.facts import legs

RUN: dict[str, Any] = {"run": "run1", "currency": "USD", "parent": "HQ"}


def item(funded: int, amount: int, to_entity: str = "B") -> ItemAccrued:
    return ItemAccrued(
        item="i1",
        source="FA",
        to=f"F{to_entity}",
        source_entity="A",
        to_entity=to_entity,
        account="card-1",
        capture="r1",
        line=1,
        category="service",
        base=funded,
        funded=funded,
        rate_bp=500,
        amount=amount,
        currency="USD",
        kind="use",
        programme="gift",
        cohort="2026-05",
        occurred_at=0,
    )


def entry(
    entity: str, direction: Literal["debit", "credit"], amount: int, attempt: int = 0
) -> Entry:
    return Entry(
        location=f"F{entity}",
        entity=entity,
        direction=direction,
        amount=amount,
        code="27",
        trace="1",
        attempt=attempt,
        account_ref="ref",
        last4="6789",
    )


def position(entity: str, before: int, net: int, moved: int) -> Position:
    return Position(
        location=f"F{entity}",
        entity=entity,
        before=before,
        net=net,
        moved=moved,
        carried=before + net - moved,
    )


def file(
    owed: list[tuple[str, str, int]],
    positions: list[Position],
    entries: list[Entry] | None = None,
) -> FileBuilt:
    return FileBuilt(
        **RUN,
        file="f",
        sha256="0",
        number=1,
        effective="2026-05-13",
        items=[],
        obligations=[Obligation(debtor=d, creditor=c, minor=m) for d, c, m in owed],
        positions=positions,
        entries=entries or [],
        held=[],
    )


def returned(sent: Entry, *, settled: bool = True) -> EntryReturned:
    return EntryReturned(
        **RUN,
        entry=sent,
        code="R01",
        settled=settled,
        blocks=False,
        revokes=False,
        represent=True,
    )


def test_an_item_moves_what_the_seller_keeps() -> None:
    assert legs("item_accrued", item(2_000, 100)) == {
        "A": {"2300(B)": 1_900, "4200(B)": -1_900},
        "B": {"4290(A)": 1_900, "1200(A)": -1_900},
    }


def test_a_refund_item_gives_back_what_the_seller_kept() -> None:
    assert legs("item_accrued", item(-2_000, -100)) == {
        "A": {"2300(B)": -1_900, "4200(B)": 1_900},
        "B": {"4290(A)": -1_900, "1200(A)": 1_900},
    }


@pytest.mark.parametrize(
    "nothing", [item(2_000, 2_000), item(2_000, 100, to_entity="A")], ids=["full", "one entity"]
)
def test_an_item_owed_in_full_or_within_one_entity_posts_nothing(nothing: ItemAccrued) -> None:
    assert legs("item_accrued", nothing) == {}


def test_promo_value_owed_to_another_entity_costs_the_seller() -> None:
    assert legs("item_accrued", item(0, 100)) == {
        "A": {"2300(B)": -100, "4200(B)": 100},
        "B": {"4290(A)": -100, "1200(A)": 100},
    }


def test_a_run_clears_obligations_onto_transit() -> None:
    body = file(
        [("A", "B", 1_200), ("B", "C", 3_000), ("C", "A", 500), ("A", "C", 750)],
        [position("A", 0, -1_450, -1_450), position("B", 0, -1_800, -1_800)],
    )
    assert legs("file_built", body) == {
        "A": {"2300(B)": 1_200, "1200(C)": -500, "2300(C)": 750, "1290": -1_450},
        "B": {"2300(C)": 3_000, "1200(A)": -1_200, "1290": -1_800},
        "C": {"1200(B)": -3_000, "2300(A)": 500, "1200(A)": -750, "1290": 3_250},
    }


def test_an_obligation_below_zero_turns_its_sides() -> None:
    assert legs("file_built", file([("A", "B", -400)], [])) == {
        "A": {"2300(B)": -400, "1290": 400},
        "B": {"1200(A)": 400, "1290": -400},
    }


def test_a_small_debt_is_carried_on_the_parents_books() -> None:
    body = file([("A", "B", 50)], [position("A", 0, -50, 0), position("B", 0, 50, 50)])
    assert legs("file_built", body) == {
        "A": {"2300(B)": 50, "2300(HQ)": -50},
        "B": {"1200(A)": -50, "1290": 50},
        "HQ": {"1200(A)": 50, "1290": -50},
    }


def test_a_small_claim_is_carried_on_the_parents_books() -> None:
    body = file([("A", "B", 50)], [position("A", 0, -50, -50), position("B", 0, 50, 0)])
    assert legs("file_built", body) == {
        "A": {"2300(B)": 50, "1290": -50},
        "B": {"1200(A)": -50, "1200(HQ)": 50},
        "HQ": {"2300(B)": -50, "1290": 50},
    }


def test_what_was_carried_is_paid_with_the_next_run_even_across_zero() -> None:
    body = file([("B", "A", 230)], [position("A", -50, 230, 180), position("B", 0, -230, -230)])
    assert legs("file_built", body) == {
        "A": {"1200(B)": -230, "2300(HQ)": 50, "1290": 180},
        "B": {"2300(A)": 230, "1290": -230},
        "HQ": {"1200(A)": -50, "1290": 50},
    }


def test_the_parents_own_locations_carry_nothing_to_themselves() -> None:
    assert legs("file_built", file([], [position("HQ", 0, -50, 0)])) == {}


def test_a_run_with_nothing_to_move_clears_when_it_closes() -> None:
    body = RunClosed(
        **RUN,
        moved_nothing=True,
        obligations=[Obligation(debtor=d, creditor=c, minor=700) for d, c in ("AB", "BC", "CA")],
    )
    assert legs("run_closed", body) == {
        "A": {"2300(B)": 700, "1200(C)": -700},
        "B": {"2300(C)": 700, "1200(A)": -700},
        "C": {"2300(A)": 700, "1200(B)": -700},
    }


def test_a_returned_debit_is_presented_again_out_of_what_is_owed_to_the_parent() -> None:
    assert legs("file_built", file([], [], [entry("A", "debit", 3_800, attempt=1)])) == {
        "A": {"2300(HQ)": 3_800, "1290": -3_800},
        "HQ": {"1200(A)": -3_800, "1290": 3_800},
    }


def test_a_returned_credit_is_paid_again_out_of_what_the_parent_owes() -> None:
    assert legs("file_built", file([], [], [entry("B", "credit", 3_800, attempt=1)])) == {
        "B": {"1200(HQ)": -3_800, "1290": 3_800},
        "HQ": {"2300(B)": 3_800, "1290": -3_800},
    }


def test_first_entries_post_nothing_beside_the_obligations_they_pay() -> None:
    assert legs("file_built", file([], [], [entry("A", "debit", 3_800)])) == {}


def test_settled_entries_move_transit_to_and_from_the_bank() -> None:
    body = RunSettled(
        **RUN,
        number=1,
        effective="2026-05-13",
        moved=[
            Moved(entity="A", location="FA", minor=-3_800),
            Moved(entity="B", location="FB", minor=3_800),
        ],
        final=True,
    )
    assert legs("run_settled", body) == {
        "A": {"1290": 3_800, "1000": -3_800},
        "B": {"1000": 3_800, "1290": -3_800},
    }


@pytest.mark.parametrize(("settled", "cash"), [(True, "1000"), (False, "1290")])
def test_a_returned_debit_is_owed_to_the_parent_whose_reserve_has_paid(
    settled: bool, cash: str
) -> None:
    assert legs("entry_returned", returned(entry("A", "debit", 3_800), settled=settled)) == {
        "A": {cash: 3_800, "2300(HQ)": -3_800},
        "HQ": {"1200(A)": 3_800, cash: -3_800},
    }


@pytest.mark.parametrize(("settled", "cash"), [(True, "1000"), (False, "1290")])
def test_a_returned_credit_is_owed_by_the_parent(settled: bool, cash: str) -> None:
    assert legs("entry_returned", returned(entry("B", "credit", 3_800), settled=settled)) == {
        "B": {"1200(HQ)": 3_800, cash: -3_800},
        "HQ": {cash: 3_800, "2300(B)": -3_800},
    }


def test_breakage_moves_recognised_value_to_income_either_way() -> None:
    def line(entity: str, minor: int) -> BreakageLine:
        return BreakageLine(
            entity=entity,
            programme="gift",
            cohort="2026-05",
            jurisdiction="US-NY",
            kind="card",
            recognized_minor=minor,
            total_minor=abs(minor),
        )

    body: Any = BreakageRecognized(
        operation="op",
        programme="gift",
        currency="USD",
        method="proportional",
        rate_bp=1_000,
        by="ann",
        lines=[line("A", 6_000), line("B", -136)],
    )
    assert legs("breakage_recognized", body) == {
        "A": {"2190": 6_000, "4100": -6_000},
        "B": {"2190": -136, "4100": 136},
    }
