"""An import is undone in two steps: redemption is asked, for only it knows whether it is unused.

The caller's answer comes with the outcome: `import_undone`, or the refusal that redemption found.
"""

from collections.abc import Iterator
from typing import Final

from schemas.decision import Accepted, Belated, Decided, Decision
from schemas.handover import CloseUndo
from schemas.identifiers import derived
from schemas.issuance import (
    CARDS_PER_COMMAND_MAX,
    CardChanged,
    IssuanceRefused,
    UndoImport,
    UndoReserved,
)
from schemas.message import Fact, Outgoing
from schemas.refusals import Reason
from schemas.topics import REDEMPTION_COMMANDS
from services.issuance import checks
from services.issuance.asking import Asked, decided
from services.issuance.rows import Card

UNDO_RESERVED = "undo_reserved.v1"
# At once an undo has a fact for each of its cards; the outcome of any is numbered after them.
FACTS_FROM: Final = CARDS_PER_COMMAND_MAX


def cards_of(subject: str, body: UndoImport) -> tuple[str, ...]:
    """The cards an undo is about: those it lists, else its subject."""
    return (subject,) if body.cards is None else tuple(entry.card for entry in body.cards)


def undo_import(asked: Asked) -> Decision:
    """Ask redemption to take the value back, of all cards or none; the answer comes later."""
    body: UndoImport = asked.command.body
    problem = checks.first_problem(_problems(asked, body))
    if problem is not None:
        return asked.refused(problem)
    named = cards_of(asked.command.subject, body)
    return Accepted(tuple(_reserved(asked, name) for name in named), later=True)


def _reserved(asked: Asked, name: str) -> Decided:
    card: Card = asked.rows[name]
    assert card.sold_as is not None, "what was imported was sold"
    fact = UndoReserved(
        programme=card.programme,
        life=card.life,
        state=card.state,
        where=asked.where,
        undo=asked.command.id,
        sale=card.sold_as,
    )
    return decided(UNDO_RESERVED, fact, name)


def _problems(asked: Asked, body: UndoImport) -> Iterator[checks.Problem]:
    yield from checks.rights(asked.command, asked.terms, "issue")
    yield from checks.location(asked.command, asked.terms, None)
    named = cards_of(asked.command.subject, body)
    if asked.command.subject not in named:
        yield Reason.UNKNOWN_CARD, f"the subject {asked.command.subject} is not among the cards"
    if len(set(named)) < len(named):
        yield Reason.ACCOUNT_CANCELLED, "a card is named twice"
    for name in named:
        yield from _of_a_card(name, asked.rows.get(name), body)


def _of_a_card(name: str, card: Card | None, body: UndoImport) -> Iterator[checks.Problem]:
    if card is None:
        yield Reason.UNKNOWN_CARD, f"no card {name}"
    elif not card.imported:
        yield Reason.UNKNOWN_SALE, f"card {name} was not imported"
    elif body.batch not in (None, card.batch):
        yield Reason.UNKNOWN_SALE, f"card {name} was imported with batch {card.batch}"
    elif body.programme not in (None, card.programme):
        yield Reason.UNKNOWN_SALE, f"card {name} was imported into {card.programme}"
    elif card.state != "Activated":
        yield Reason.ACCOUNT_CANCELLED, f"the import of card {name} was undone already"


def close_undo(asked: Asked) -> Decision:
    """What became of it: the card is Cancelled, or the undo is refused. Never refused itself."""
    body: CloseUndo = asked.command.body
    card = asked.card
    if card is None:
        return Accepted()
    if body.reason is not None:
        return Accepted((_kept(asked, body),), belated=_belated(body))
    fact = CardChanged(
        programme=card.programme, life=card.life, state="Cancelled", where=asked.where
    )
    return Accepted((decided("import_undone.v1", fact),), belated=_belated(body))


def _belated(body: CloseUndo) -> Belated:
    reason = None if body.reason is None else Reason(body.reason)
    return Belated(body.undo, (UNDO_RESERVED,), reason, body.detail, FACTS_FROM)


def _kept(asked: Asked, body: CloseUndo) -> Decided:
    refused = IssuanceRefused(
        command="undo_import", reason=body.reason or "", detail=body.detail, where=asked.where
    )
    where = asked.where
    return Decided("issuance_refused.v1", refused, (where.entity,), where.location)


def take_back(fact: Fact, body: UndoReserved) -> tuple[Outgoing, ...]:
    """Redemption is asked, in the transaction of the fact."""
    return (
        Outgoing(
            REDEMPTION_COMMANDS.name,
            derived(fact.id, "take_back_import"),
            "take_back_import",
            fact.subject,
            {"undo": body.undo, "sale": body.sale},
        ),
    )


def undone(card: Card) -> bool:
    """Is this an import that was undone? It does not come back into stock."""
    return card.imported and card.state == "Cancelled"
