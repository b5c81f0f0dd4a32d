"""The rows issuance keeps: cards of stock, sales that have ended, and what templates have made."""

from dataclasses import dataclass, field
from typing import Literal

from schemas.issuance import CardState
from schemas.value import Where


@dataclass(kw_only=True)
class PendingSale:
    """A sale between its phases: Activating until `due_at` (ms UTC); amounts in minor units."""

    sale: str
    value_minor: int
    price_minor: int
    tender: str
    where: Where
    due_at: int


@dataclass(kw_only=True)
class Card:
    """A card as issuance knows it; once Activated it is redemption's until it is restocked.

    `life` counts how often it came into stock. `value_minor` is set where the card was prepared
    for one value only. `sold_as` is the sale that made it live, `imported` whether an import was.
    """

    programme: str
    currency: str
    life: int
    state: CardState
    batch: str
    last4: str
    value_minor: int | None = None
    location: str | None = None
    pending: PendingSale | None = None
    sold_as: str | None = None
    imported: bool = False


@dataclass(kw_only=True)
class EndedSale:
    """How a sale ended at `at` (ms UTC), so that late phases of it are answered as they should."""

    sale: str
    ended: Literal["confirmed", "cancelled", "lapsed"]
    at: int


@dataclass(kw_only=True)
class TemplateCounts:
    """How many cards each template has made on this partition."""

    made: dict[str, int] = field(default_factory=dict)
