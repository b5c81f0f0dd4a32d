"""Over any number of runs nothing is lost: what moved and what waits is what was accrued."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from services.settlement.entries import Accounts, CreditRelease, PlannedFile, content_hash, plan
from services.settlement.filing import build
from services.settlement.nacha.file import parse
from services.settlement.nacha.validator import problems_of_text
from services.settlement.netting import Netting, Payable, Standing, Terms, net
from tests.unit.settlement.samples import ORIGINATOR, PARENT_ACCOUNT, account, filing, representment

PLACES = ("A", "B", "C", "D", "E")
SIDES = (*PLACES, "HQ")
ABLE = Standing.ABLE

AMOUNTS = st.one_of(
    st.integers(-500, 500), st.integers(-(10**6), 10**6), st.integers(-(3 * 10**10), 3 * 10**10)
)
PAIRS = st.tuples(st.sampled_from(SIDES), st.sampled_from(SIDES)).filter(lambda p: p[0] != p[1])
ITEMS = st.lists(st.tuples(PAIRS, AMOUNTS), max_size=12)
STANDINGS = st.fixed_dictionaries(
    {place: st.sampled_from([ABLE, ABLE, ABLE, ABLE, *Standing]) for place in PLACES}
)
RUNS = st.lists(
    st.tuples(ITEMS, STANDINGS, st.sampled_from([0, 1, 100, 5000])), min_size=1, max_size=6
)
RELEASES: st.SearchStrategy[CreditRelease] = st.sampled_from(["with_debits", "after_return_window"])


def payables(prefix: str, rows: list[tuple[tuple[str, str], int]]) -> list[Payable]:
    """Items with ids of their own."""
    return [Payable(f"{prefix}-{n}", *pair, amount) for n, (pair, amount) in enumerate(rows)]


def owed(items: list[Payable]) -> Counter[str]:
    """What each location gets from these items, net."""
    sums: Counter[str] = Counter()
    for item in items:
        sums[item.source] -= item.amount_minor
        sums[item.destination] += item.amount_minor
    return sums


def without_zeros(sums: Mapping[str, int]) -> dict[str, int]:
    """A mapping of amounts without those that say nothing."""
    return {place: amount for place, amount in sums.items() if amount}


def check_one(netting: Netting, waiting: list[Payable], terms: Terms) -> None:
    """What holds for each run by itself."""
    sums = [netting.positions, netting.carried, netting.carried_before]
    moved, carried, before = (sum(s.values()) for s in sums)
    assert moved + carried - before == 0
    assert "HQ" not in netting.carried
    parted = [*netting.claimed, *(held.item for held in netting.held)]
    assert sorted(parted) == sorted(item.item for item in waiting)
    assert not set(netting.claimed) & {held.item for held in netting.held}
    for place, position in netting.positions.items():
        if position and place != "HQ":
            assert terms.standing(place) is ABLE
            assert abs(position) >= terms.minimum_minor
    for place, amount in netting.carried.items():
        assert abs(amount) < terms.minimum_minor or terms.standing(place) is not ABLE


@given(RUNS)
@settings(max_examples=150, deadline=None)
def test_over_successive_runs_moved_plus_waiting_is_what_was_accrued(
    runs: list[tuple[list[tuple[tuple[str, str], int]], dict[str, Standing], int]],
) -> None:
    waiting: list[Payable] = []
    carried: Mapping[str, int] = {}
    accrued: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    claimed: list[str] = []
    for number, (rows, standings, minimum) in enumerate(runs):
        fresh = payables(str(number), rows)
        accrued.update(owed(fresh))
        waiting = [*waiting, *fresh]
        terms = Terms("HQ", standings, minimum)
        netting = net(waiting, carried, terms)
        check_one(netting, waiting, terms)
        moved.update(netting.positions)
        claimed.extend(netting.claimed)
        waiting = [item for item in waiting if item.item not in netting.claimed]
        carried = netting.carried
        still: Counter[str] = Counter(moved)
        still.update(carried)
        still.update(owed(waiting))
        assert without_zeros(still) == without_zeros(accrued)
    assert len(claimed) == len(set(claimed))


@given(RUNS)
@settings(max_examples=60, deadline=None)
def test_a_last_run_without_minimum_and_with_every_account_open_pays_everything(
    runs: list[tuple[list[tuple[tuple[str, str], int]], dict[str, Standing], int]],
) -> None:
    waiting: list[Payable] = []
    carried: Mapping[str, int] = {}
    for number, (rows, standings, minimum) in enumerate(runs):
        waiting = [*waiting, *payables(str(number), rows)]
        netting = net(waiting, carried, Terms("HQ", standings, minimum))
        waiting = [item for item in waiting if item.item not in netting.claimed]
        carried = netting.carried
    last = net(waiting, carried, Terms("HQ", dict.fromkeys(PLACES, ABLE), 0))
    assert last.held == ()
    assert last.carried == {}


@given(ITEMS, STANDINGS, RELEASES, st.booleans(), st.lists(st.integers(1, 10**10 - 1), max_size=3))
@settings(max_examples=100, deadline=None)
def test_entries_are_the_positions_and_every_file_is_valid_and_balanced(
    rows: list[tuple[tuple[str, str], int]],
    standings: dict[str, Standing],
    release: CreditRelease,
    parent_has_account: bool,
    retried: list[int],
) -> None:
    known = {place: account(place, number) for number, place in enumerate(PLACES)}
    accounts = Accounts(known, PARENT_ACCOUNT if parent_has_account else None)
    netting = net(payables("i", rows), {}, Terms("HQ", standings, 100))
    again = [representment("B", amount, trace=n) for n, amount in enumerate(retried, start=1)]
    files = plan(netting, again, accounts, release)
    moved: Counter[str] = Counter()
    for file in files:
        for entry in (*file.regular, *file.retries):
            sign = 1 if entry.direction == "credit" else -1
            moved[entry.location if entry.attempt == 0 else "again"] += sign * entry.amount_minor
    assert moved.pop("again", 0) == -sum(retried)
    expected = {place: p for place, p in netting.positions.items() if place != "HQ"}
    if parent_has_account:
        expected["HQ"] = netting.parent_minor + sum(retried)
    assert without_zeros(moved) == without_zeros(expected)
    check_files(files, parent_has_account)


def check_files(files: tuple[PlannedFile, ...], is_balanced: bool) -> None:
    """Every file is one the bank takes, and with the parent's account each balances."""
    sequence = 9_999_990
    for modifier, file in zip("AB", files, strict=False):
        built = build(file, ORIGINATOR, filing(sequence, modifier=modifier))
        sequence = built.sequence_next
        assert problems_of_text(built.text) == ()
        assert parse(built.text) == built.file
        assert len({row.trace for row in built.entries}) == len(built.entries)
        if is_balanced:
            assert built.file.control.debit_minor == built.file.control.credit_minor


@given(ITEMS)
@settings(max_examples=60, deadline=None)
def test_the_same_run_has_the_same_hash_and_bytes_whatever_order_mappings_come_in(
    rows: list[tuple[tuple[str, str], int]],
) -> None:
    items = payables("i", rows)
    results = []
    for places in (PLACES, tuple(reversed(PLACES))):
        standings = dict.fromkeys(places, ABLE)
        carried = {place: n * 50 - 100 for n, place in enumerate(PLACES)}
        before = {place: carried[place] for place in places}
        netting = net(items, before, Terms("HQ", standings, 100))
        accounts = Accounts({p: account(p, PLACES.index(p)) for p in places}, PARENT_ACCOUNT)
        files = plan(netting, [], accounts, "with_debits")
        built = [build(f, ORIGINATOR, filing()).text for f in files]
        results.append((content_hash("run1", items, netting, files), built))
    assert results[0] == results[1]
