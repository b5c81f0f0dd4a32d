"""The state of a card as issuance's facts tell it: from stock to the till, and back."""

from dataclasses import dataclass
from typing import Any

from schemas.issuance import (
    CardChanged,
    CardsImported,
    CardSold,
    CardsPrepared,
    CardsShipped,
    SaleReserved,
)
from schemas.message import Published


@dataclass(slots=True)
class Card:
    """A card; instants ms UTC, amounts minor units. Once sold its account has the later states."""

    card: str
    last4: str | None = None
    programme: str = ""
    batch: str | None = None
    currency: str | None = None
    state: str = ""
    life: int = 0
    value_minor: int | None = None
    price_minor: int | None = None
    tender: str | None = None
    sale: str | None = None
    sold_at: int | None = None
    sold_location: str | None = None
    sold_entity: str | None = None
    sold_channel: str | None = None
    sold_register: str | None = None
    shipped_to: str | None = None
    prepared_at: int | None = None
    changed_at: int = 0


def tell(card: Card, published: Published) -> None:
    """Change `card` by a fact of it (refusals are none)."""
    body: Any = published.body
    card.programme, card.state, card.life = body.programme, body.state, body.life
    card.changed_at = published.time
    match body:
        case CardsPrepared():
            card.last4, card.batch, card.currency = body.last4, body.batch, body.currency
            card.value_minor = body.value_minor
            card.prepared_at = published.time
        case CardsShipped():
            card.shipped_to = body.to
        case SaleReserved():
            card.currency, card.value_minor = body.currency, body.value_minor
            card.sale, card.price_minor, card.tender = body.sale, body.price_minor, body.tender
        case CardSold():
            _sold(card, body)
        case CardChanged(last4=str(last4)):
            card.last4 = last4
        case _:
            pass


def _sold(card: Card, body: CardSold) -> None:
    card.currency, card.value_minor, card.price_minor = (
        body.currency,
        body.value_minor,
        body.price_minor,
    )
    card.tender, card.sale, card.sold_at = body.tender, body.sale, body.fixed.sold_at
    card.sold_location, card.sold_entity = body.where.location, body.where.entity
    card.sold_channel, card.sold_register = body.where.channel, body.where.register
    if isinstance(body, CardsImported):
        card.batch, card.last4 = body.batch, body.last4
