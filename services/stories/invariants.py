"""What must hold whenever everything has come to rest, each a function of what can be read."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from schemas.ledger import Journal
from schemas.message import Published
from services.ledger.chart import IN_TRANSIT
from services.ledger.trial import standard, unbalanced, uncovered, undrained, unmatched
from services.redemption import balance
from services.stories.facts import Asked

OPEN_ENTRIES: Final = ("planned", "filed", "transmitted", "pending")


@dataclass(frozen=True, slots=True)
class Known:
    """Everything a story leaves behind, as of one quiet moment.

    `rows` and `stated` are accounts by subject: redemption's own rows, and PostgreSQL's. `entries`
    and `items` are settlement's rows; `parent` runs settlement.
    """

    journals: list[Journal]
    events: list[Published]
    rows: Mapping[str, Any]
    stated: Mapping[str, Mapping[str, Any]]
    booked: list[tuple[str, str, str]]
    entries: list[dict[str, Any]]
    items: list[dict[str, Any]]
    parent: str
    asked: list[Asked]
    answered: list[tuple[str, str, str]]
    dead: list[dict[str, str | int]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant that does not hold, and where."""

    name: str
    detail: str


def findings(known: Known) -> Iterator[Finding]:
    """Whatever does not hold."""
    for name, check in CHECKS.items():
        for detail in check(known):
            yield Finding(name, detail)


def by_currency(known: Known) -> dict[str, list[Journal]]:
    """The journals of each currency."""
    found: dict[str, list[Journal]] = {}
    for journal in known.journals:
        found.setdefault(journal.currency, []).append(journal)
    return found


def _journals_balance(known: Known) -> Iterator[str]:
    return (f"{f.entity}: {f.detail}" for f in unbalanced(known.journals))


def _pairs(known: Known) -> Iterator[str]:
    for journals in by_currency(known).values():
        yield from (f"{f.invariant}: {f.detail}" for f in unmatched(journals))


def _transfers(known: Known) -> Iterator[str]:
    for journals in by_currency(known).values():
        found = undrained(journals)
        yield from (f"{f.entity} {f.account}: {f.detail}" for f in found)


def _liability(known: Known) -> Iterator[str]:
    currencies = by_currency(known)
    for row in known.rows.values():
        currencies.setdefault(row.currency, [])
    for currency, journals in currencies.items():
        lots = [lot for row in known.rows.values() if row.currency == currency for lot in row.lots]
        found = uncovered(journals, lots)
        yield from (f"{f.entity} {f.account}: {f.detail}" for f in found)


def _in_transit(known: Known) -> Iterator[str]:
    """1290 of each entity is what its entries in open files will bring; the parent's balances."""
    expected: Counter[str] = Counter()
    for entry in known.entries:
        if entry["state"] in OPEN_ENTRIES and entry["location"] != known.parent:
            signed = entry["amount"] if entry["direction"] == "credit" else -entry["amount"]
            expected[entry["entity"]] += signed
            expected[known.parent] -= signed
    booked: Counter[str] = Counter()
    for journal in known.journals:
        for line in journal.lines:
            if standard(line) == IN_TRANSIT:
                booked[journal.entity] += line.debit - line.credit
    for entity in sorted({*expected, *booked}):
        if booked[entity] != expected[entity]:
            yield f"{entity}: 1290 is {booked[entity]}, open files say {expected[entity]}"


def _available(known: Known) -> Iterator[str]:
    for subject, row in known.rows.items():
        in_lots, held = sum(lot.minor for lot in row.lots), sum(lot.held for lot in row.lots)
        reserved = sum(draw.minor for hold in row.holds for draw in hold.draws)
        if not 0 <= row.held <= row.ledger or (in_lots, held) != (row.ledger, row.held):
            yield f"{subject}: ledger {row.ledger}, held {row.held}, lots {in_lots}/{held}"
        if reserved != row.held:
            yield f"{subject}: held {row.held}, its holds reserve {reserved}"


def _fold(known: Known) -> Iterator[str]:
    """Redemption's rows are the fold of its events, nothing else."""
    rows: dict[str, Any] = {}
    for event in known.events:
        if event.type == "redemption_refused.v1":
            continue
        fact: Any = event
        loaded = {}
        for key in balance.touched(fact):
            row = rows.get(key)
            until = None if row is None else balance.forgotten_at(key, row)
            if row is not None and (until is None or until > event.time):
                loaded[key] = row
        for key, row in balance.evolve(loaded, fact).items():
            rows[key] = row
    for subject in sorted({*known.rows, *(key for key in rows if "/" not in key)}):
        if rows.get(subject) != known.rows.get(subject):
            yield f"{subject}: {_difference(rows.get(subject), known.rows.get(subject))}"


def _stated(known: Known) -> Iterator[str]:
    """PostgreSQL added the facts up to the same balances."""
    for subject in sorted({*known.rows, *known.stated}):
        row, stated = known.rows.get(subject), known.stated.get(subject)
        if row is None or stated is None:
            yield f"{subject}: only on one side"
            continue
        mine = (row.ledger, row.held, row.state, row.frozen)
        theirs = tuple(stated[n] for n in ("ledger_minor", "held_minor", "state", "frozen"))
        if mine != theirs:
            yield f"{subject}: {mine} in the log, {theirs} in PostgreSQL"


def _booked(known: Known) -> Iterator[str]:
    """Every journal on the topic is in PostgreSQL, once, and no other."""
    wanted = Counter((j.fact, j.entity, j.event) for j in known.journals)
    for journal, count in sorted((wanted - Counter(known.booked)).items()):
        yield f"{journal}: {count} missing"
    for journal, count in sorted((Counter(known.booked) - wanted).items()):
        yield f"{journal}: {count} too many"


def _items(known: Known) -> Iterator[str]:
    """An item that a run has claimed is assigned, in a file or settled; any other is not."""
    claimed = ("assigned", "in_file", "settled")
    for item in known.items:
        if (item["run"] is None) == (item["state"] in claimed):
            yield f"{item['id']}: {item['state']} with run {item['run']}"


def _answers(known: Known) -> Iterator[str]:
    buried = {(letter["topic"], letter["partition"], letter["offset"]) for letter in known.dead}
    most: Counter[tuple[str, str, str]] = Counter()
    least: Counter[tuple[str, str, str]] = Counter()
    for asked in known.asked:
        key = (asked.topic, asked.subject, asked.id)
        most[key] += 1
        least[key] += (asked.topic, asked.partition, asked.offset) not in buried
    given = Counter(known.answered)
    for key in sorted({*most, *given}):
        if not least[key] <= given[key] <= most[key]:
            yield f"{key}: asked {most[key]} times, answered {given[key]} times"


CHECKS: Final[dict[str, Callable[[Known], Iterable[str]]]] = {
    "journals_balance": _journals_balance,
    "pairs_of_books_agree": _pairs,
    "transfers_drain": _transfers,
    "lots_equal_liability": _liability,
    "in_transit_equals_open_files": _in_transit,
    "available_is_never_negative": _available,
    "accounts_equal_fold_of_events": _fold,
    "accounts_equal_postgres": _stated,
    "journals_equal_postgres": _booked,
    "an_item_is_in_one_run": _items,
    "every_command_is_answered": _answers,
}


def _difference(one: Any, other: Any) -> str:
    if one is None or other is None:
        return "only in its events" if other is None else "only in its row"
    differing = [f.name for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)]
    return ", ".join(f"{n}: {getattr(one, n)!r} ≠ {getattr(other, n)!r}" for n in differing)
