"""An import is undone in two steps: redemption is asked, for only it knows whether it is unused.

The caller's answer comes with the outcome: `import_undone`, or the refusal that redemption found.
An undo that lists cards is one of its subject, which sends one for each of the others; none of them
is undone where one that lies here too is not of the import it names.
"""

from collections.abc import Iterator

from schemas.decision import Accepted, Belated, Decided, Decision
from schemas.handover import CloseUndo
from schemas.identifiers import derived
from schemas.issuance import (
    CardChanged,
    IssuanceRefused,
    UndoImport,
    UndoReserved,
)
from schemas.message import Fact, Outgoing
from schemas.refusals import Reason
from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_COMMANDS
from services.issuance import checks
from services.issuance.asking import Asked, decided
from services.issuance.rows import Card

UNDO_RESERVED = "undo_reserved.v1"


def undo_import(asked: Asked) -> Decision:
    """Ask redemption to take the value back; the answer comes later."""
    body: UndoImport = asked.command.body
    problem = checks.first_problem(_problems(asked, body))
    card = asked.card
    if problem is not None or card is None or card.sold_as is None:
        return asked.refused(problem or (Reason.UNKNOWN_CARD, "no such card"))
    fact = UndoReserved(
        programme=card.programme,
        life=card.life,
        state=card.state,
        where=asked.where,
        undo=asked.command.id,
        sale=card.sold_as,
        batch=body.batch,
        named=body.programme,
        others=_others(asked.command.subject, body),
    )
    return Accepted((decided(UNDO_RESERVED, fact),), later=True)


def _others(subject: str, body: UndoImport) -> list[str]:
    named = dict.fromkeys(entry.card for entry in body.cards or ())
    return [name for name in named if name != subject]


def _problems(asked: Asked, body: UndoImport) -> Iterator[checks.Problem]:
    yield from checks.rights(asked.command, asked.terms)
    yield from checks.location(asked.command, asked.terms, None)
    subject, card = asked.command.subject, asked.card
    if body.cards is not None and all(entry.card != subject for entry in body.cards):
        yield Reason.UNKNOWN_CARD, f"the subject {subject} is not among the cards"
    if card is None:
        yield Reason.UNKNOWN_CARD, f"no card {subject}"
    elif not card.imported:
        yield Reason.UNKNOWN_SALE, "the card was not imported"
    elif body.batch not in (None, card.batch):
        yield Reason.UNKNOWN_SALE, f"the card was imported with batch {card.batch}"
    elif body.programme not in (None, card.programme):
        yield Reason.UNKNOWN_SALE, f"the card was imported into {card.programme}"
    elif card.state != "Activated":
        yield Reason.ACCOUNT_CANCELLED, "the import was undone already"
    yield from _of_another_import(asked, body)


def _of_another_import(asked: Asked, body: UndoImport) -> Iterator[checks.Problem]:
    """Cards of this partition that are listed with an import they are not of.

    A card of another partition has no row here: its own command is refused by the same rule.
    """
    for name in _others(asked.command.subject, body):
        other: Card | None = asked.rows.get(name)
        if other is None:
            continue
        if body.batch not in (None, other.batch):
            detail = f"card {name} is of batch {other.batch}; allowed: cards of {body.batch}"
            yield Reason.UNKNOWN_SALE, detail
        elif body.programme not in (None, other.programme):
            detail = f"card {name} is of {other.programme}; allowed: cards of {body.programme}"
            yield Reason.UNKNOWN_SALE, detail


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
    return Belated(body.undo, (UNDO_RESERVED,), reason, body.detail)


def _kept(asked: Asked, body: CloseUndo) -> Decided:
    refused = IssuanceRefused(
        command="undo_import", reason=body.reason or "", detail=body.detail, where=asked.where
    )
    where = asked.where
    return Decided("issuance_refused.v1", refused, (where.entity,), where.location)


def take_back(fact: Fact, body: UndoReserved) -> tuple[Outgoing, ...]:
    """Redemption is asked, and the other cards' undos follow, in the transaction of the fact."""
    said = {"programme": body.named, "batch": body.batch}
    told = {name: value for name, value in said.items() if value is not None}
    return (
        Outgoing(
            REDEMPTION_COMMANDS.name,
            derived(fact.id, "take_back_import"),
            "take_back_import",
            fact.subject,
            {"undo": body.undo, "sale": body.sale},
        ),
        *(
            Outgoing(ISSUANCE_COMMANDS.name, derived(fact.id, other), "undo_import", other, told)
            for other in body.others
        ),
    )


def undone(card: Card) -> bool:
    """Is this an import that was undone? It does not come back into stock."""
    return card.imported and card.state == "Cancelled"
