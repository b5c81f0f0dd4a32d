"""Over what a posting rule runs, and how much each unit of it is: pure leaves of the rule table.

Amounts are signed minor units.
"""

from collections.abc import Iterable
from typing import Any

from services.ledger.chart import GRANTS_MEMO, TENDERS_MEMO
from services.ledger.posting import Case


def lots(body: Any) -> Iterable[Any]:
    """The lots that came in or went."""
    return tuple(body.lots)


def lots_loaded(body: Any) -> Iterable[Any]:
    """The lots of a load, unless it is a memo (promo value, a replacement): no journal."""
    memo = body.origin in GRANTS_MEMO or body.tender in TENDERS_MEMO
    return () if memo and body.cause != "import" else body.lots


def lots_granted(body: Any) -> Iterable[Any]:
    """The lots of an issue of store credit, unless it is a memo."""
    return () if body.origin in GRANTS_MEMO else body.lots


def parts(body: Any) -> Iterable[Any]:
    """The line × lot split."""
    return tuple(body.parts)


def whole(body: Any) -> Iterable[Any]:
    """The fact as one unit."""
    return (body,)


def parts_to_same(body: Any) -> Iterable[Any]:
    """A refund's parts where they went back to the account they came from."""
    return body.parts if body.to_same else ()


def parts_to_other(body: Any) -> Iterable[Any]:
    """A refund's parts where they went to another account."""
    return () if body.to_same else body.parts


def between_entities(body: Any) -> Iterable[Any]:
    """An item, if it is between different entities; within one it posts nothing."""
    return (body,) if body.source_entity != body.to_entity else ()


def obligations(body: Any) -> Iterable[Any]:
    """A run's obligations between different entities."""
    return (owed for owed in body.obligations if owed.debtor != owed.creditor)


def positions(body: Any) -> Iterable[Any]:
    """A run's positions of entities that are not the parent."""
    return (position for position in body.positions if position.entity != body.parent)


def _returned(body: Any, direction: str) -> Iterable[Any]:
    entry = body.entry
    return (entry,) if entry.entity != body.parent and entry.direction == direction else ()


def debit_returned(body: Any) -> Iterable[Any]:
    """The debit entry that came back, unless it is the parent's own."""
    return _returned(body, "debit")


def credit_returned(body: Any) -> Iterable[Any]:
    """The credit entry that came back, unless it is the parent's own."""
    return _returned(body, "credit")


def _again(body: Any, direction: str) -> Iterable[Any]:
    return (
        entry
        for entry in body.entries
        if entry.attempt and entry.entity != body.parent and entry.direction == direction
    )


def debits_again(body: Any) -> Iterable[Any]:
    """A file's debits presented once more."""
    return _again(body, "debit")


def credits_again(body: Any) -> Iterable[Any]:
    """A file's returned credits, paid once more."""
    return _again(body, "credit")


def moved(body: Any) -> Iterable[Any]:
    """The cash that moved when a file settled."""
    return tuple(body.moved)


def cohorts(body: Any) -> Iterable[Any]:
    """A breakage run's lines."""
    return tuple(body.lines)


def funded(_: Case, unit: Any) -> int:
    """What the books owe for it."""
    return int(unit.funded)


def discounted(_: Case, unit: Any) -> int:
    """Face value that nobody paid for."""
    return int(unit.minor - unit.funded)


def unowed(_: Case, item: Any) -> int:
    """What of an item's funded value the seller keeps."""
    return int(item.funded - item.amount)


def minor(_: Case, unit: Any) -> int:
    """The amount as it stands."""
    return int(unit.minor)


def amount(_: Case, entry: Any) -> int:
    """An entry's amount."""
    return int(entry.amount)


def exception_minor(_: Case, body: Any) -> int:
    """What a late capture honoured beyond the balance."""
    return int(body.exception_minor)


def spent(_: Case, body: Any) -> int:
    """What of a sale that was charged back is lost; what is found later has its own legs."""
    return max(int(body.spent_minor), 0)


def adjusted(_: Case, body: Any) -> int:
    """What is paid back beyond (or short of) what the books owed; memo tenders pay nothing."""
    paid = 0 if body.tender in TENDERS_MEMO else body.price_minor
    return int(paid - sum(part.funded for part in body.parts))


def recognized(_: Case, line: Any) -> int:
    """A cohort's move to income."""
    return int(line.recognized_minor)


def owes_more(_: Case, position: Any) -> int:
    """The change of what a location owes and carries."""
    return int(max(-position.carried, 0) - max(-position.before, 0))


def gets_more(_: Case, position: Any) -> int:
    """The change of what a location is owed and carries."""
    return int(max(position.carried, 0) - max(position.before, 0))
