"""What sets wrong journals right: the difference between two sets of lines, posted by a new fact.

Lines are compared by every dimension they have; amounts are signed minor units, debit positive.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from schemas.ledger import AdjustedBook, Journal, JournalAdjusted, JournalLine
from schemas.message import Published
from schemas.topics import LEDGER_OPERATIONS

JOURNAL_ADJUSTED: Final = "journal_adjusted.v1"


class Leg(NamedTuple):
    """Where an amount stands: currency, books, account and every dimension of the line."""

    currency: str
    entity: str
    account: str
    location: str | None
    channel: str | None
    programme: str | None
    cohort: str | None
    counterparty: str | None
    subject: str | None
    origin: str | None
    standard: str | None


Legs = dict[Leg, int]
_DIMENSIONS: Final = Leg._fields[2:]


def legs(journals: Iterable[Journal]) -> Legs:
    """The lines of journals added up by leg; legs that come to zero are left out."""
    found: Legs = {}
    for journal in journals:
        for line in journal.lines:
            said = (getattr(line, name) for name in _DIMENSIONS)
            leg = Leg(journal.currency, journal.entity, *said)
            found[leg] = found.get(leg, 0) + line.debit - line.credit
    return {leg: minor for leg, minor in found.items() if minor}


def difference(wanted: Mapping[Leg, int], posted: Mapping[Leg, int]) -> Legs:
    """What has to be posted so that what is posted becomes what is wanted; sorted, no zeros."""
    found = {leg: wanted.get(leg, 0) - posted.get(leg, 0) for leg in {*wanted, *posted}}
    return {leg: found[leg] for leg in sorted(found, key=_order) if found[leg]}


def books(missing: Mapping[Leg, int]) -> dict[str, list[AdjustedBook]]:
    """{currency: the books to adjust, by entity}; each balances, for both sides compared did."""
    found: dict[str, dict[str, list[JournalLine]]] = {}
    for leg, minor in missing.items():
        line = JournalLine(
            debit=max(minor, 0),
            credit=max(-minor, 0),
            **dict(zip(_DIMENSIONS, leg[2:], strict=True)),  # type: ignore[arg-type]
        )
        found.setdefault(leg.currency, {}).setdefault(leg.entity, []).append(line)
    for entities in found.values():
        for entity, lines in entities.items():
            assert sum(line.debit - line.credit for line in lines) == 0, (entity, lines)
    return {
        currency: [AdjustedBook(entity=entity, lines=lines) for entity, lines in entities.items()]
        for currency, entities in sorted(found.items())
    }


def adjusting(published: Published) -> Iterator[Journal]:
    """The journals of an adjustment: its lines as they stand, under the event they set right.

    So what was used, sold or paid back stays told apart in every report; `fact` and `fact_topic`
    name the adjustment.
    """
    body: JournalAdjusted = published.body
    for book in body.books:
        dates = published.dates[book.entity]
        assert sum(line.debit - line.credit for line in book.lines) == 0, published.id
        yield Journal(
            entity=book.entity,
            currency=body.currency,
            date=dates["date"],
            business_date=dates["business_date"],
            event=body.event,
            fact=published.id,
            fact_topic=LEDGER_OPERATIONS.name,
            lines=book.lines,
        )


def _order(leg: Leg) -> tuple[str, ...]:
    return tuple(said or "" for said in leg)
