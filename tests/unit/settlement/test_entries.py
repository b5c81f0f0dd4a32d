"""Which entries a run's positions become, and what an approval binds to."""

from dataclasses import replace

import pytest

from services.settlement.entries import Accounts, PlannedEntry, PlannedFile, content_hash, plan
from services.settlement.nacha.entry_detail import AMOUNT_MINOR_MAX
from services.settlement.netting import net
from tests.unit.settlement.samples import CYCLE, accounts, items, representment, terms


def rows(entries: tuple[PlannedEntry, ...]) -> list[tuple[str, str, int, int, int]]:
    """Entries in short: place, direction, amount, code, attempt."""
    return [(e.location, e.direction, e.amount_minor, e.code, e.attempt) for e in entries]


def balance(file: PlannedFile) -> int:
    """Credits less debits of a planned file."""
    signs = {"credit": 1, "debit": -1}
    return sum(signs[e.direction] * e.amount_minor for e in (*file.regular, *file.retries))


def test_a_location_that_owes_is_debited_and_one_that_gets_is_credited() -> None:
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    (file,) = plan(netting, [], accounts("A", "B", "C"), "with_debits")
    assert file.part == "all"
    assert rows(file.regular) == [
        ("A", "debit", 1450, 27, 0),
        ("B", "debit", 1800, 27, 0),
        ("C", "credit", 3250, 32, 0),  # C's is a savings account
    ]


def test_a_savings_account_that_owes_is_debited_as_one() -> None:
    netting = net(items(("C", "A", 500)), {}, terms("A", "C"))
    (file,) = plan(netting, [], accounts("A", "B", "C"), "with_debits")
    assert rows(file.regular) == [("A", "credit", 500, 22, 0), ("C", "debit", 500, 37, 0)]


def test_the_parents_entry_balances_what_is_carried() -> None:
    netting = net(items(("A", "B", 50), ("C", "B", 70)), {}, terms("A", "B", "C"))
    (file,) = plan(netting, [], accounts("A", "B", "C"), "with_debits")
    assert rows(file.regular) == [("B", "credit", 120, 22, 0), ("HQ", "debit", 120, 27, 0)]


def test_a_parent_without_an_account_has_no_entry() -> None:
    netting = net(items(("A", "B", 50), ("C", "B", 70)), {}, terms("A", "B", "C"))
    without = Accounts(accounts("A", "B", "C").locations, None)
    (file,) = plan(netting, [], without, "with_debits")
    assert rows(file.regular) == [("B", "credit", 120, 22, 0)]
    assert balance(file) == 120


def test_the_parents_own_position_is_within_its_one_entry() -> None:
    netting = net(items(("A", "HQ", 4000), ("HQ", "B", 1500)), {}, terms("A", "B"))
    (file,) = plan(netting, [], accounts("A", "B"), "with_debits")
    assert rows(file.regular)[-1] == ("HQ", "credit", 2500, 22, 0)
    assert balance(file) == 0


def test_nothing_to_move_makes_no_file() -> None:
    circle = net(items(("A", "B", 900), ("B", "A", 900)), {}, terms("A", "B"))
    assert plan(circle, [], accounts("A", "B"), "with_debits") == ()
    assert plan(circle, [], accounts("A", "B"), "after_return_window") == ()


def test_a_debit_presented_again_keeps_its_amount_apart_from_the_net() -> None:
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    again = [representment("B", 3800, attempt=2)]
    (file,) = plan(netting, again, accounts("A", "B", "C"), "with_debits")
    assert rows(file.retries) == [("B", "debit", 3800, 27, 2)]
    assert ("B", "debit", 1800, 27, 0) in rows(file.regular)
    assert ("HQ", "credit", 3800, 22, 0) in rows(file.regular)
    assert balance(file) == 0


@pytest.mark.parametrize(("attempt", "amount"), [(0, 100), (3, 100), (1, 0), (1, 10**10)])
def test_a_debit_is_presented_again_at_most_twice_and_as_it_was(attempt: int, amount: int) -> None:
    with pytest.raises(ValueError, match=r"attempt|amount"):
        plan(
            net([], {}, terms("A")),
            [representment("A", amount, attempt)],
            accounts("A"),
            "with_debits",
        )


def test_credits_may_wait_for_the_debits_return_window_in_a_file_of_their_own() -> None:
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    again = [representment("B", 3800)]
    debits, credits = plan(netting, again, accounts("A", "B", "C"), "after_return_window")
    assert (debits.part, credits.part) == ("debits", "credits")
    assert rows(debits.regular) == [
        ("A", "debit", 1450, 27, 0),
        ("B", "debit", 1800, 27, 0),
        ("HQ", "credit", 7050, 22, 0),
    ]
    assert rows(debits.retries) == [("B", "debit", 3800, 27, 1)]
    assert rows(credits.regular) == [("C", "credit", 3250, 32, 0), ("HQ", "debit", 3250, 27, 0)]
    assert (balance(debits), balance(credits)) == (0, 0)


def test_an_amount_over_the_fields_limit_is_split_without_loss() -> None:
    owed = 2 * AMOUNT_MINOR_MAX + 1
    netting = net(items(("A", "B", owed)), {}, terms("A", "B"))
    (file,) = plan(netting, [], accounts("A", "B"), "with_debits")
    assert [e.amount_minor for e in file.regular] == [AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX, 1] * 2
    exact = net(items(("A", "B", AMOUNT_MINOR_MAX)), {}, terms("A", "B"))
    (file,) = plan(exact, [], accounts("A", "B"), "with_debits")
    assert len(file.regular) == 2


def test_the_content_hash_is_the_same_for_the_same_run_and_other_for_any_change() -> None:
    known = accounts("A", "B", "C")
    netting = net(CYCLE, {"A": -5}, terms("A", "B", "C"))
    files = plan(netting, [representment("B", 3800)], known, "with_debits")
    (file,) = files
    entry = file.regular[0]
    changed_entries = [
        replace(entry, amount_minor=entry.amount_minor + 1),
        replace(entry, account=replace(entry.account, reference="acct-A:2")),
        replace(entry, code=37),
        replace(entry, direction="credit"),
        replace(entry, location="B"),
    ]
    hashes = [
        content_hash("run1", CYCLE, netting, files),
        content_hash("run2", CYCLE, netting, files),
        content_hash("run1", [replace(CYCLE[0], amount_minor=1), *CYCLE[1:]], netting, files),
        content_hash("run1", CYCLE, replace(netting, carried={"A": 1}), files),
        content_hash("run1", CYCLE, replace(netting, carried_before={}), files),
        content_hash("run1", CYCLE, replace(netting, positions={}), files),
        content_hash("run1", CYCLE, replace(netting, claimed=netting.claimed[1:]), files),
        content_hash("run1", CYCLE, netting, [replace(file, retries=())]),
        content_hash("run1", CYCLE, netting, [replace(file, part="debits")]),
        *(
            content_hash("run1", CYCLE, netting, [replace(file, regular=(e, *file.regular[1:]))])
            for e in changed_entries
        ),
    ]
    assert len(set(hashes)) == len(hashes)
    assert content_hash("run1", list(CYCLE), netting, list(files)) == hashes[0]


def test_the_content_hash_holds_no_account_number() -> None:
    known = accounts("A", "B", "C")
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    (file,) = plan(netting, [], known, "with_debits")
    entry = file.regular[0]
    other = replace(entry, account=replace(entry.account, number="999", routing="x", holder="y"))
    same_reference = replace(file, regular=(other, *file.regular[1:]))
    assert content_hash("run1", CYCLE, netting, [file]) == content_hash(
        "run1", CYCLE, netting, [same_reference]
    )
