"""The trial balance, and that each invariant finds what is planted."""

from dataclasses import replace

from schemas.ledger import Journal, JournalLine
from schemas.redemption_facts import HoldCaptured, ValueLoaded
from schemas.settlement import ItemAccrued
from services.ledger.trial import (
    incomplete,
    trial_balance,
    unbalanced,
    uncovered,
    undrained,
    unmatched,
    unsettled,
)
from tests.unit.ledger.facts import captured, journals, loaded, lot, part, policy
from tests.unit.ledger.test_journal_settlement import item

SALE: ValueLoaded = loaded(10_000)
USE: HoldCaptured = captured("B", part(2_000))
ITEM: ItemAccrued = item(2_000, 100)


def books() -> list[Journal]:
    """A sale of 100.00 at A's, 20.00 of it used at B's, 5 % owed."""
    made = (
        journals("value_loaded", SALE),
        journals("hold_captured", USE),
        journals("item_accrued", ITEM),
    )
    return [journal for by_entity in made for journal in by_entity.values()]


def line(account: str, signed: int, counterparty: str | None = None) -> JournalLine:
    return JournalLine(
        account=account,
        debit=max(signed, 0),
        credit=max(-signed, 0),
        counterparty=counterparty,
        programme="gift",
    )


def planted(*lines: JournalLine) -> list[Journal]:
    return [replace(books()[0], lines=list(lines))]


def test_the_trial_balance_adds_up_each_account_of_each_entity() -> None:
    assert trial_balance(books()) == {
        "A": {"1020": 10_000, "2100": -8_000, "2300": -100, "4200": -1_900},
        "B": {"1200": 100, "4000": -2_000, "4290": 1_900},
    }


def test_sound_books_have_no_findings() -> None:
    assert [*unbalanced(books()), *unmatched(books()), *undrained(books())] == []
    assert list(uncovered(books(), [lot(8_000)])) == []


def test_a_journal_that_does_not_balance_is_found() -> None:
    found = list(unbalanced(planted(line("1000", 5), line("2100", -4))))
    assert [(f.invariant, f.entity) for f in found] == [("journals_balance", "A")]


def test_a_line_with_two_sides_or_none_is_found() -> None:
    both = JournalLine(account="1000", debit=5, credit=5)
    assert len(list(unbalanced(planted(both, line("1000", 0))))) == 2


def test_a_debt_that_the_other_books_do_not_know_is_found() -> None:
    found = list(unmatched(planted(line("2300", -5, "B"), line("1000", 5))))
    assert [(f.invariant, f.entity, f.account) for f in found] == [
        ("due_to_equals_due_from", "A", "2300")
    ]


def test_retained_income_without_its_allowance_is_found() -> None:
    found = list(unmatched(planted(line("4290", 5, "B"), line("1000", -5))))
    assert [(f.invariant, f.entity) for f in found] == [("retained_equals_allowance", "B")]


def test_value_left_in_transit_is_found() -> None:
    found = list(undrained(planted(line("2150", -5), line("1000", 5))))
    assert [(f.invariant, f.detail) for f in found] == [("transfers_drain", "-5")]


def test_a_lot_that_the_books_do_not_owe_is_found() -> None:
    found = list(uncovered(books(), [lot(8_000), lot(1, programme="other")]))
    assert [(f.entity, f.detail) for f in found] == [("A", "other: lots 1, books 0")]


def test_the_rules_hold_for_accounts_that_policy_renames() -> None:
    renamed = policy(chart={"2100": "21", "2150": "21", "2300": "21", "1200": "11"})
    made = list(journals("hold_captured", USE, renamed).values())
    assert {line.account for journal in made for line in journal.lines} == {"21", "11", "4000"}
    assert [*unmatched(made), *undrained(made)] == []
    assert [f.detail for f in uncovered(made, [])] == ["gift: lots 0, books -2000"]


def test_transit_is_what_open_files_still_move() -> None:
    filed = planted(line("1290", -38), line("2300", 38, "B"))
    assert list(unsettled(filed, {"A": -38})) == []
    assert [(f.entity, f.detail) for f in unsettled(filed, {"B": 38})] == [
        ("A", "books -38, files 0"),
        ("B", "books 0, files 38"),
    ]


def test_every_fact_has_exactly_its_journals() -> None:
    made = books()
    assert list(incomplete(made, made)) == []
    changed = replace(made[0], date="2026-05-09")
    strange = replace(made[1], fact="of-nothing")
    found = list(incomplete(made, [changed, strange, *made[2:]]))
    assert [f.detail.split()[0] for f in found] == ["other", "no", "not"]
    assert [f.detail for f in incomplete(made, [*made, made[0]])] == [f"no {made[0].fact}"]
