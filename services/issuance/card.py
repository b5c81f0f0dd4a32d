"""Issuance's core: a card from its batch to its sale, when redemption gets it, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, assert_never

from schemas.decision import Decided, Decision, Due
from schemas.handover import CloseUndo
from schemas.identifiers import derived
from schemas.instants import DAY
from schemas.issuance import (
    CancelCard,
    CancelSale,
    CardChanged,
    CardsImported,
    CardSold,
    CardsPrepared,
    CardsShipped,
    ConfirmSale,
    Enquire,
    ImportCards,
    IssuanceRefused,
    LapseSale,
    PrepareCards,
    Rekeyed,
    ReserveSale,
    Restock,
    RestoreCard,
    SaleEnded,
    SaleReserved,
    SellCard,
    ShipCards,
    UndoImport,
    UndoReserved,
)
from schemas.message import Command, Fact, Outgoing
from schemas.refusals import Reason
from schemas.terms import Terms
from schemas.topics import REDEMPTION_COMMANDS
from services.issuance import asking, batches, imports, sales, stock
from services.issuance.batches import TEMPLATES_KEY
from services.issuance.rows import Card, EndedSale, PendingSale, TemplateCounts
from services.issuance.sale import IMPORT
from services.issuance.sales import sale_key

ROWS: Final[dict[str, type]] = {"": Card, "sale": EndedSale, "template": TemplateCounts}
SALE_REMEMBERED_MS: Final = 37 * DAY
DUE_FROM: Final[dict[str, tuple[str, ...]]] = {"": ("due_at",)}
FORGOTTEN_FROM: Final[dict[str, tuple[str, int]]] = {"sale": ("at", SALE_REMEMBERED_MS)}

Rows = Mapping[str, Any]


def subjects(command: Command) -> tuple[str, ...]:
    """Every card the command is about; all must lie in its partition."""
    match command.body:
        case PrepareCards() | ImportCards():
            return (command.subject, *(entry.card for entry in command.body.cards))
        case _:
            return (command.subject,)


def keys(command: Command) -> tuple[str, ...]:
    """The rows a decision on this command needs."""
    body = command.body
    match body:
        case PrepareCards():
            return (TEMPLATES_KEY, *(entry.card for entry in body.cards))
        case ImportCards():
            return tuple(entry.card for entry in body.cards)
        case UndoImport() if body.cards is not None:
            return tuple(dict.fromkeys((command.subject, *(entry.card for entry in body.cards))))
        case ReserveSale():
            return (command.subject, sale_key(command.subject, command.id))
        case ConfirmSale() | CancelSale():
            return (command.subject, sale_key(command.subject, body.sale))
        case _:
            return (command.subject,)


def decide(rows: Rows, command: Command, terms: Terms) -> Decision:
    """The facts this command leads to, or the first reason why it does not count."""
    asked = asking.Asked(rows, command, terms)
    body: _Body = command.body
    match body:
        case SellCard():
            return sales.sell(asked)
        case ReserveSale():
            return sales.reserve(asked)
        case ConfirmSale():
            return sales.confirm(asked)
        case CancelSale():
            return sales.cancel(asked)
        case LapseSale():
            return sales.lapse(asked)
        case PrepareCards():
            return batches.prepare(asked)
        case ImportCards():
            return batches.take_over(asked)
        case _:
            return _decide_on_stock(asked, body)


_Stock = ShipCards | UndoImport | CloseUndo | Enquire | CancelCard | RestoreCard | Restock | Rekeyed
_Body = (
    SellCard | ReserveSale | ConfirmSale | CancelSale | LapseSale | PrepareCards | ImportCards
) | _Stock


def _decide_on_stock(asked: asking.Asked, body: _Stock) -> Decision:
    match body:
        case ShipCards():
            return stock.ship(asked)
        case CancelCard():
            return stock.cancel(asked)
        case RestoreCard():
            return stock.restore(asked)
        case Restock():
            return stock.restock(asked)
        case Rekeyed():
            return stock.rekeyed(asked)
        case UndoImport():
            return imports.undo_import(asked)
        case CloseUndo():
            return imports.close_undo(asked)
        case Enquire():
            return stock.enquire(asked)
        case _:
            assert_never(body)


def refusal(command: Command, reason: Reason, detail: str | None) -> Decided:
    """A refusal the runner finds (too old, too early), as it is recorded."""
    return asking.refusal(command, reason, detail)


def touched(fact: Fact) -> tuple[str, ...]:
    """The rows `evolve` needs for this fact."""
    body = fact.body
    match body:
        case IssuanceRefused():
            return ()
        case CardsPrepared():
            return (TEMPLATES_KEY,)
        case CardChanged() if body.templates:
            return (fact.subject, TEMPLATES_KEY)
        case _:
            return (fact.subject,)


def evolve(rows: Rows, fact: Fact) -> dict[str, Any]:
    """The rows as they are after the fact."""
    body = fact.body
    match body:
        case CardsPrepared():
            return {fact.subject: _prepared(body), **_made(rows, body.templates)}
        case CardsImported():
            return {fact.subject: _imported(body)}
        case IssuanceRefused():
            return {}
        case SaleEnded() if body.unseen:
            return {sale_key(fact.subject, body.sale): _ended(fact, body.sale)}
    card: Card = rows[fact.subject]
    changed: dict[str, Any] = {fact.subject: card}
    match body:
        case SaleReserved():
            card.pending = _pending(body)
        case CardSold():
            card.pending, card.sold_as = None, body.sale
            changed[sale_key(fact.subject, body.sale)] = _ended(fact, body.sale)
        case SaleEnded():
            card.pending = None
            changed[sale_key(fact.subject, body.sale)] = _ended(fact, body.sale)
        case CardsShipped():
            card.location = body.to
        case CardChanged():
            _change(card, body)
            changed |= _made(rows, body.templates)
    card.state = body.state
    return changed


def _prepared(body: CardsPrepared) -> Card:
    return Card(
        programme=body.programme,
        currency=body.currency,
        life=body.life,
        state=body.state,
        batch=body.batch,
        last4=body.last4,
        value_minor=body.value_minor,
    )


def _imported(body: CardsImported) -> Card:
    return Card(
        programme=body.programme,
        currency=body.currency,
        life=body.life,
        state=body.state,
        batch=body.batch,
        last4=body.last4,
        sold_as=body.sale,
        imported=True,
    )


def _change(card: Card, body: CardChanged) -> None:
    card.last4 = body.last4 or card.last4
    if body.life != card.life:
        card.life, card.sold_as, card.imported = body.life, None, False


def _pending(body: SaleReserved) -> PendingSale:
    return PendingSale(
        sale=body.sale,
        value_minor=body.value_minor,
        price_minor=body.price_minor,
        tender=body.tender,
        where=body.where,
        due_at=body.due_at,
    )


def _made(rows: Rows, templates: list[str]) -> dict[str, TemplateCounts]:
    if not templates:
        return {}
    counts: TemplateCounts = rows.get(TEMPLATES_KEY) or TemplateCounts()
    for name in templates:
        counts.made[name] = counts.made.get(name, 0) + 1
    return {TEMPLATES_KEY: counts}


def _ended(fact: Fact, sale: str) -> EndedSale:
    match fact.type:
        case "card_sold.v1":
            return EndedSale(sale=sale, ended="confirmed", at=fact.time)
        case "sale_lapsed.v1":
            return EndedSale(sale=sale, ended="lapsed", at=fact.time)
        case _:
            return EndedSale(sale=sale, ended="cancelled", at=fact.time)


def forward(fact: Fact) -> tuple[Outgoing, ...]:
    """A sold card is handed over to redemption, in the transaction of its sale (or asked back)."""
    body = fact.body
    if isinstance(body, UndoReserved):
        return imports.take_back(fact, body)
    if not isinstance(body, CardSold):
        return ()
    where = asdict(body.where)
    place = {name: where[name] for name in _PLACE if where[name] is not None}
    handed: dict[str, Any] = {
        "place": place,
        "programme": body.programme,
        "life": body.life,
        "lots": [asdict(lot) for lot in body.lots],
        "fixed": asdict(body.fixed),
        "tender": body.tender,
        "sale": body.sale,
        "imported": body.tender == IMPORT,
        "currency": body.currency,
    }
    return (
        Outgoing(
            REDEMPTION_COMMANDS.name,
            derived(fact.id, "activate"),
            "activate",
            fact.subject,
            handed,
        ),
    )


_PLACE: Final = ("location", "channel", "register", "staff", "receipt")


def dues(key: str, row: Any) -> tuple[Due, ...]:
    """A sale that is not confirmed lapses."""
    if not isinstance(row, Card) or row.pending is None:
        return ()
    sale = row.pending
    return (Due(sale.due_at, "lapse_sale", key, {"sale": sale.sale}),)


def forgotten_at(key: str, row: Any) -> int | None:
    """From when a row counts as absent (ms UTC): how a sale ended is remembered 37 days."""
    return row.at + SALE_REMEMBERED_MS if isinstance(row, EndedSale) else None


def account_view(rows: Rows, subject: str) -> dict[str, Any] | None:
    """A card of stock as reports show it; None where it is unknown, or live and redemption's."""
    card: Card | None = rows.get(subject)
    return stock.view(card) if card is not None else None
