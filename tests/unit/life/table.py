"""A card `c` for the tests of the table of its life: in stock or sold, and what it is told."""

from typing import Any

from tests.both import Cards
from tests.unit.redemption.network import policy, usd

TABLE_POLICY = policy(
    gift={"returns": {"to": "refunded", "within_days": 30}},
    templates={"few": {"number": "603571##########C", "pin": 6, "capacity": 2}},
)
TABLE_POLICY["programmes"] |= {
    "few": {"kind": "card", "currency": "USD", "templates": ["few"]},
    "short": {"kind": "card", "currency": "USD", "validity": {"days": 30}},
    "stock": {"kind": "card", "currency": "USD", "returns": {"to": "prepared"}},
}


def world(programme: str = "gift", *, sold: int | None = 5000) -> Cards:
    """Card `c` in stock, and (unless `sold` is None) sold for so much."""
    cards = Cards(TABLE_POLICY, "2026-05-01T14:00:00Z")
    cards.prepare("c", programme=programme)
    if sold is not None:
        done(cards, "sell_card", value=usd(sold), tender="cash", id="s")
    return cards


def done(world: Cards, type: str, *, id: str | None = None, **data: Any) -> Any:
    """A command on card `c` that counts."""
    outcome = world.do(type, "c", id, **data)
    assert outcome.reason is None, outcome.reason
    return outcome


def said(world: Cards, type: str, **data: Any) -> str | None:
    """Why a command on card `c` is refused."""
    return world.do(type, "c", **data).reason


def standing(cards: Cards) -> tuple[str, int]:
    """The state of card `c`, and what is on it."""
    return cards.state("c"), cards.ledger("c")
