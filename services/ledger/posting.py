"""What a posting rule is made of: whose books, which account, how much; all read off one fact.

Amounts are signed minor units; a negative amount turns the sides of its row.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.message import Published
from schemas.value import Where
from services.ledger.chart import (
    BANK,
    CARDS,
    CATEGORIES,
    CLEARING,
    CREDITS,
    DUE_FROM,
    DUE_TO,
    FRAUD_LOSS,
    GOODWILL,
    GRANTS,
    IN_TRANSIT,
    OPENING,
    RETURNS,
    REVENUE,
    TENDERS,
)


class Book(NamedTuple):
    """Whose books a line stands in, at which place, and which entity is across."""

    entity: str
    location: str | None = None
    counterparty: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A fact being posted: `place` is where it counts as having happened (None: no place)."""

    fact: Published
    body: Any
    place: Where | None


Account = str | Callable[[Case, Any], str | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: over each unit of the fact, in these books, debit and credit.

    An account that is None leaves its line out: within one entity there is no bridge.
    """

    over: Callable[[Any], Iterable[Any]]
    book: Callable[[Case, Any], Book]
    debit: Account
    credit: Account
    amount: Callable[[Case, Any], int]


@dataclass(frozen=True, slots=True)
class Rule:
    """The rows of one type of fact, and the place its lines are dated and placed by."""

    rows: tuple[Row, ...]
    place: Callable[[Any], Where | None] = lambda body: body.where


def no_place(_: Any) -> None:
    """Facts of runs, items and operations happen between places."""


def refund_place(body: Any) -> Where:
    """A refund to the same account undoes the use where it happened, else it is its own."""
    where: Where = body.capture_where if body.to_same else body.where
    return where


def own(case: Case, unit: Any) -> Book:
    """The books of the lot's entity; across is the place's."""
    across = case.place.entity if case.place is not None else None
    return Book(unit.entity, unit.location, across)


def place(case: Case, unit: Any) -> Book:
    """The books of the place's entity; across is the lot's."""
    assert case.place is not None
    return Book(case.place.entity, case.place.location, getattr(unit, "entity", None))


def sale_books(case: Case, _: Any) -> Book:
    """The books of the entity that sold: where the sale was, else where its parts came in."""
    sold: Any = case.body.sale_where or next(iter(case.body.parts), case.place)
    return Book(sold.entity, sold.location)


def of_cohort(_: Case, line: Any) -> Book:
    """The books of a cohort's entity."""
    return Book(line.entity)


def source(_: Case, item: Any) -> Book:
    """The books of the entity where an item's value came in."""
    return Book(item.source_entity, item.source, item.to_entity)


def destination(_: Case, item: Any) -> Book:
    """The books of the entity where an item's value was used."""
    return Book(item.to_entity, item.to, item.source_entity)


def debtor(_: Case, owed: Any) -> Book:
    """The books of who owes."""
    return Book(owed.debtor, None, owed.creditor)


def creditor(_: Case, owed: Any) -> Book:
    """The books of who is owed."""
    return Book(owed.creditor, None, owed.debtor)


def member(case: Case, unit: Any) -> Book:
    """The books of a location's entity, towards the parent."""
    return Book(unit.entity, unit.location, case.body.parent)


def parent(case: Case, unit: Any) -> Book:
    """The parent's books, towards a location's entity."""
    return Book(case.body.parent, case.body.parent, unit.entity)


def liability(case: Case, _: Any) -> str:
    """What the books owe the holder of this kind of account."""
    return CARDS if case.body.kind == "card" else CREDITS


def tender(case: Case, _: Any) -> str:
    """Where the money of a sale is."""
    return TENDERS.get(case.body.tender, CLEARING)


def loaded_from(case: Case, unit: Any) -> str:
    """What value on a card is charged to: opening balances, a grant's account, the tender."""
    if case.body.cause == "import":
        return OPENING
    if case.body.origin in GRANTS:
        return GRANTS[case.body.origin]
    return tender(case, unit)


def granted_as(case: Case, _: Any) -> str:
    """What store credit is charged to, by its origin."""
    return GRANTS.get(case.body.origin, GOODWILL)


def sold(_: Case, part: Any) -> str:
    """The account of a receipt line's category."""
    return CATEGORIES.get(part.category, REVENUE)


def taken_back(_: Case, part: Any) -> str:
    """The account of a refunded line's category."""
    return CATEGORIES.get(part.category, RETURNS)


def bridge_to(case: Case, unit: Any) -> str | None:
    """What the lot's entity owes the place's; None within one entity."""
    return DUE_TO if case.place is None or unit.entity != case.place.entity else None


def bridge_from(case: Case, unit: Any) -> str | None:
    """What the lot's entity owes, in the place's books; None within one entity."""
    return DUE_FROM if case.place is None or unit.entity != case.place.entity else None


def charged_to(case: Case, unit: Any) -> str:
    """What a charge back takes value for: the tender; found later, what was booked as lost."""
    return FRAUD_LOSS if case.body.spent_minor < 0 else tender(case, unit)


def cash_or_transit(case: Case, _: Any) -> str:
    """Where a returned entry's money was: at the bank, or still on its way."""
    return BANK if case.body.settled else IN_TRANSIT
