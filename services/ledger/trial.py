"""The trial balance of journals, and the invariants that every set of books must keep.

Amounts are signed minor units, debit positive. The balance names accounts as policy does, findings
by their standard numbers. One currency at a time: hand in the journals of one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from schemas.ledger import Journal, JournalLine
from schemas.value import Lot
from services.ledger.chart import (
    ALLOWANCE,
    CARDS,
    CREDITS,
    DUE_FROM,
    DUE_TO,
    IN_TRANSIT,
    RETAINED,
    TRANSFERS,
)

TrialBalance = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken invariant: its name, whose books, which account (both may be several)."""

    invariant: str
    entity: str
    account: str
    detail: str


def trial_balance(journals: Iterable[Journal]) -> TrialBalance:
    """{entity: {account: minor, debit positive}}, sorted; what moved and came to 0 stays."""
    found: TrialBalance = {}
    for journal in journals:
        accounts = found.setdefault(journal.entity, {})
        for line in journal.lines:
            accounts[line.account] = accounts.get(line.account, 0) + line.debit - line.credit
    return {entity: dict(sorted(accounts.items())) for entity, accounts in sorted(found.items())}


def unbalanced(journals: Iterable[Journal]) -> Iterator[Finding]:
    """Journals whose sides differ, or with a line that is not exactly one positive side."""
    for journal in journals:
        difference = sum(line.debit - line.credit for line in journal.lines)
        if difference:
            yield Finding("journals_balance", journal.entity, "", f"{journal.fact}: {difference}")
        for line in journal.lines:
            if min(line.debit, line.credit) != 0 or max(line.debit, line.credit) <= 0:
                detail = f"{journal.fact}: debit {line.debit}, credit {line.credit}"
                yield Finding("journals_balance", journal.entity, line.account, detail)


def unmatched(journals: Iterable[Journal]) -> Iterator[Finding]:
    """Pairs of books that disagree: 2300(B) at A = 1200(A) at B, and 4200 = 4290 per pair."""
    totals = _between(journals)
    for credit, debit, name in (
        (DUE_TO, DUE_FROM, "due_to_equals_due_from"),
        (RETAINED, ALLOWANCE, "retained_equals_allowance"),
    ):
        pairs = {(e, c) for e, c, account in totals if account == credit}
        pairs |= {(c, e) for e, c, account in totals if account == debit}
        for entity, across in sorted(pairs):
            owed = -totals.get((entity, across, credit), 0)
            claimed = totals.get((across, entity, debit), 0)
            if owed != claimed:
                detail = f"{credit}({across}) at {entity} {owed}, {debit} at {across} {claimed}"
                yield Finding(name, entity, credit, detail)


def undrained(journals: Iterable[Journal]) -> Iterator[Finding]:
    """Entities whose 2150 has not drained to zero."""
    left: dict[str, int] = {}
    for journal in journals:
        for line in journal.lines:
            if standard(line) == TRANSFERS:
                left[journal.entity] = left.get(journal.entity, 0) + line.debit - line.credit
    for entity, minor in sorted(left.items()):
        if minor:
            yield Finding("transfers_drain", entity, TRANSFERS, str(minor))


def uncovered(journals: Iterable[Journal], lots: Iterable[Lot]) -> Iterator[Finding]:
    """Where Σ `funded` of all accounts' lots differs from 2100 + 2110, by entity and programme."""
    liabilities = (CARDS, CREDITS)
    difference: dict[tuple[str, str], list[int]] = {}
    for lot in lots:
        difference.setdefault((lot.entity, lot.programme), [0, 0])[0] += lot.funded
    for journal in journals:
        for line in journal.lines:
            if standard(line) in liabilities:
                sums = difference.setdefault((journal.entity, line.programme or ""), [0, 0])
                sums[1] += line.credit - line.debit
    for (entity, programme), (in_lots, in_books) in sorted(difference.items()):
        if in_lots != in_books:
            detail = f"{programme}: lots {in_lots}, books {in_books}"
            yield Finding("lots_equal_liability", entity, "+".join(liabilities), detail)


def unsettled(journals: Iterable[Journal], on_the_way: Mapping[str, int]) -> Iterator[Finding]:
    """Entities whose 1290 is not what their open files still move.

    `on_the_way`: {entity: minor that entries of files not settled yet bring in, less take out}.
    """
    left: dict[str, int] = dict.fromkeys(on_the_way, 0)
    for journal in journals:
        for line in journal.lines:
            if standard(line) == IN_TRANSIT:
                left[journal.entity] = left.get(journal.entity, 0) + line.debit - line.credit
    for entity, minor in sorted(left.items()):
        if minor != on_the_way.get(entity, 0):
            detail = f"books {minor}, files {on_the_way.get(entity, 0)}"
            yield Finding("transit_equals_open_files", entity, IN_TRANSIT, detail)


def incomplete(expected: Iterable[Journal], posted: Iterable[Journal]) -> Iterator[Finding]:
    """Facts without exactly their journals: `expected` is derived again from all facts.

    A journal that no fact leads to is found too, and one that says something else.
    """
    due = {(journal.fact, journal.entity): journal for journal in expected}
    for journal in posted:
        wanted = due.pop((journal.fact, journal.entity), None)
        if wanted is None:
            yield Finding("facts_have_their_journals", journal.entity, "", f"no {journal.fact}")
        elif wanted != journal:
            yield Finding("facts_have_their_journals", journal.entity, "", f"other {journal.fact}")
    for (fact, entity), _ in sorted(due.items()):
        yield Finding("facts_have_their_journals", entity, "", f"not posted {fact}")


def standard(line: JournalLine) -> str:
    """The line's account in the standard chart."""
    return line.standard or line.account


def _between(journals: Iterable[Journal]) -> Mapping[tuple[str, str, str], int]:
    totals: dict[tuple[str, str, str], int] = {}
    for journal in journals:
        for line in journal.lines:
            if line.counterparty is not None:
                key = (journal.entity, line.counterparty, standard(line))
                totals[key] = totals.get(key, 0) + line.debit - line.credit
    return totals
