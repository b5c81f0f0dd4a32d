"""The books: balanced, paired, drained, covering every lot, and the same in PostgreSQL."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from schemas.ledger import Journal
from schemas.message import Published
from schemas.settlement import Entry, EntryReturned, FileBuilt, RunFact, RunSettled
from schemas.topics import LEDGER_JOURNALS, SETTLEMENT_BATCHES
from services.ledger import trial
from services.ledger.books import HEADER_COLUMNS, LINE_COLUMNS, header_row, line_rows
from services.ledger.chart import IN_TRANSIT
from services.ledger.worker import SPEC as LEDGER
from services.verify.accounts import accounts_of
from services.verify.evidence import Evidence
from services.verify.verdicts import Break, Verdict

Booked = dict[str, list[Journal]]


def booked(evidence: Evidence) -> Booked:
    """The journals of the facts before the cut, by currency."""
    facts = {seen.fact.id for topic in LEDGER.inputs for seen in evidence.judged(topic)}
    found: Booked = {}
    for seen in evidence.all_facts(LEDGER_JOURNALS):
        journal: Journal = seen.fact.body
        if journal.fact in facts:
            found.setdefault(journal.currency, []).append(journal)
    return found


def balanced(journals: Booked) -> Verdict:
    """Every journal balances, every line has one side."""
    return _tried("journals_balance", journals, trial.unbalanced)


def paired(journals: Booked) -> Verdict:
    """2300(B) at A = 1200(A) at B, and 4200 = 4290 for each pair."""
    return _tried("pairs_of_books_agree", journals, trial.unmatched)


def drained(journals: Booked) -> Verdict:
    """2150 is zero in every entity's books."""
    return _tried("transfers_drain", journals, trial.undrained)


def covered(evidence: Evidence, journals: Booked) -> Verdict:
    """Σ `funded` of lots = 2100 + 2110, by entity, currency and programme."""
    accounts = accounts_of(evidence).values()
    currencies = {*journals, *(account.currency for account in accounts)}
    verdict = Verdict("lots_equal_liability")
    for currency in sorted(currencies):
        lots = [lot for account in accounts if account.currency == currency for lot in account.lots]
        verdict.checked += len(lots)
        verdict.add(_named(trial.uncovered(journals.get(currency, []), lots)))
    return verdict


def _tried(
    name: str, journals: Booked, check: Callable[[Iterable[Journal]], Iterator[trial.Finding]]
) -> Verdict:
    verdict = Verdict(name)
    for found in journals.values():
        verdict.checked += len(found)
        verdict.add(_named(check(found)))
    return verdict


def _named(findings: Iterator[trial.Finding]) -> Iterator[Break]:
    for found in findings:
        event, _, _ = found.detail.partition(":")
        of_one = found.invariant == "journals_balance"
        yield Break(found.detail, found.entity, found.account, event if of_one else "")


def in_transit(evidence: Evidence, journals: Booked) -> Verdict:
    """1290 of each entity is what its entries in open files will bring; the parent's balances."""
    verdict = Verdict("in_transit_equals_open_files")
    expected = _open_files(evidence)
    there: Counter[tuple[str, str]] = Counter()
    for currency, found in journals.items():
        for journal in found:
            for line in journal.lines:
                if trial.standard(line) == IN_TRANSIT:
                    there[currency, journal.entity] += line.debit - line.credit
    for currency, entity in sorted({*expected, *there}):
        verdict.checked += 1
        wanted, is_there = expected[currency, entity], there[currency, entity]
        if wanted != is_there:
            detail = f"{currency} {is_there} in the books, {wanted} in open files"
            verdict.add([Break(detail, entity, IN_TRANSIT)])
    return verdict


def _open_files(evidence: Evidence) -> Counter[tuple[str, str]]:
    """{(currency, entity): signed minor units} that filed entries have still to move."""
    files: dict[tuple[str, int], FileBuilt] = {}
    returned: set[str] = set()
    expected: Counter[tuple[str, str]] = Counter()
    for seen in evidence.judged(SETTLEMENT_BATCHES):
        match seen.fact.body:
            case FileBuilt() as body:
                files[body.run, body.number] = body
                for entry in _of_locations(body):
                    _count(expected, body, entry, 1)
            case RunSettled() as body:
                for entry in _of_locations(files[body.run, body.number]):
                    if entry.trace not in returned:
                        _count(expected, body, entry, -1)
            case EntryReturned(settled=False) as body:
                returned.add(body.entry.trace)
                _count(expected, body, body.entry, -1)
            case _:
                pass
    return expected


def _count(expected: Counter[tuple[str, str]], body: RunFact, entry: Entry, sign: int) -> None:
    """An entry and its other side at the parent."""
    signed = entry.amount if entry.direction == "credit" else -entry.amount
    expected[body.currency, entry.entity] += sign * signed
    expected[body.currency, body.parent] -= sign * signed


def _of_locations(built: FileBuilt) -> list[Entry]:
    """Without the parent's own entry, which balances them."""
    return [entry for entry in built.entries if entry.location != built.parent]


def stored(evidence: Evidence) -> Verdict:
    """PostgreSQL has exactly the journals of the topic up to its sink's position, line by line."""
    verdict = Verdict("journals_equal_postgres")
    left = dict(evidence.stored.journals)
    for seen in evidence.judged(LEDGER_JOURNALS):
        verdict.checked += 1
        verdict.add(_journal(evidence, seen.fact, left.pop(seen.fact.id, None)))
    for id, row in left.items():
        detail = f"journal {id} is in PostgreSQL and not on its topic"
        verdict.add([Break(detail, row["entity"], "", f"{row['event']} {row['fact']}")])
    verdict.add(_orphans(evidence))
    return verdict


def _orphans(evidence: Evidence) -> Iterator[Break]:
    """Lines without their journal: no foreign key looks at rows that a copy puts back."""
    known = {row["id"] for row in evidence.stored.journals.values()}
    for number, lines in evidence.stored.lines.items():
        if number not in known:
            detail = f"{len(lines)} lines of journal number {number}, which is not there"
            yield Break(detail, "", "", "")


def _journal(evidence: Evidence, fact: Published, row: dict[str, Any] | None) -> Iterator[Break]:
    journal: Journal = fact.body
    event = f"{journal.event} {journal.fact}"
    if row is None:
        yield Break(f"journal {fact.id} is not in PostgreSQL", journal.entity, "", event)
        return
    wanted = dict(zip(HEADER_COLUMNS, header_row(fact), strict=True))
    for name, value in wanted.items():
        if row[name] != value:
            detail = f"journal {fact.id}: {name} is {row[name]!r}, on its topic {value!r}"
            yield Break(detail, journal.entity, "", event)
    there = Counter(tuple(line.values()) for line in evidence.stored.lines.get(row["id"], []))
    lines = Counter(line_rows(row["id"], journal))
    for line, count in [*(lines - there).items(), *(there - lines).items()]:
        said = dict(zip(LINE_COLUMNS, line, strict=True))
        side = "debit" if said["debit"] else "credit"
        what = "is not in PostgreSQL" if line in lines - there else "is in PostgreSQL only"
        shown = f"line {said['number']}: {said['account']} {side} {said[side]}"
        account = str(said["subject"] or said["account"])
        yield Break(f"{shown} {what} ({count})", journal.entity, account, event)
