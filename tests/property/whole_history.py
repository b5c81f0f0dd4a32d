"""Histories of all commands of both services: cards from the press to their end, and back."""

from random import Random
from typing import Any

from schemas.instants import format_instant
from tests.both import Cards
from tests.property.charge_back_truths import check_sales
from tests.property.redemption_history import CREDIT, LAW, History
from tests.property.redemption_truths import check, check_books, check_facts
from tests.unit.redemption.network import F1, F2, policy, usd

STOCK = {
    "prepare_cards": 4,
    "import_cards": 1,
    "undo_import": 1,
    "ship_cards": 1,
    "reserve_sale": 3,
    "sell_card": 8,
    "confirm_sale": 4,
    "cancel_sale": 2,
    "cancel_card": 1,
    "restore_card": 2,
    "rekeyed": 2,
}
CARDS = ("p1", "p2", "p3", "q1", "q2", "s1")
PROGRAMMES = {"p": "gift", "q": "once", "s": "short"}
LIVE = frozenset({"Activated", "Refunding", "Refunded", "Redeemed", "Expired", "Cancelled"})
STOCK_SHARE = 0.3


def open_world(chance: Random) -> Cards:
    """An empty world: every card comes by a command of the history."""
    late = chance.choice(["honour_if_available", "honour_with_exception", "reject"])
    rule = chance.choice(["card_first", "ratio", "card_last"])
    gift = {"validity": {"days": 400}, "late_capture": late, "split_refund": rule}
    document = policy(gift=gift, law=chance.choice([[], LAW]))
    short = {"kind": "card", "currency": "USD", "validity": {"days": 40}}
    document["programmes"]["short"] = {
        **short,
        "returns": {"to": "prepared", "within_days": 90},
    }
    return Cards(document, "2026-05-01T14:00:00Z")


class WholeHistory(History):
    """Commands of both services by chance."""

    def __init__(self, cards: Cards, chance: Random) -> None:
        names = [*CARDS, *(f"{name}+credit" for name in CARDS[:3]), CREDIT, "nobody"]
        super().__init__(cards.live, chance, accounts=names)
        self.cards = cards
        self.stocked: list[str] = ["never"]

    def world(self) -> Cards:
        """Both services."""
        return self.cards

    def step(self) -> None:
        """One more command to either service, or some time, or the sweep."""
        if self.chance.random() >= STOCK_SHARE:
            super().step()
            return
        self.number += 1
        kind = self.chance.choices(list(STOCK), list(STOCK.values()))[0]
        card = self.chance.choice(CARDS)
        data = self._of_stock(kind, card)
        if kind != "rekeyed" and self.chance.random() < 0.8:
            data["place"] = self.chance.choice([F1, F2])
        id = f"k{self.number}"
        if kind in ("sell_card", "reserve_sale", "import_cards"):
            self.stocked.append(id)
            if self.cards.do(kind, card, id, **data).reason is None:
                self.sales[card] = id
        else:
            self.cards.do(kind, card, id, **data)

    def _of_stock(self, kind: str, card: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"card": card, "last4": "0001"}
        batch = {"programme": PROGRAMMES[card[0]], "batch": "b1"}
        minor = self.chance.choice([2500, 2500, 3333, 100])
        match kind:
            case "prepare_cards":
                return {**batch, "cards": [entry]}
            case "import_cards":
                sold_at = format_instant(self.cards.now - 86_400_000)
                return {**batch, "cards": [{**entry, "value": usd(minor)}], "sold_at": sold_at}
            case "undo_import":
                return self.chance.choice([{}, {**batch, "cards": [{"card": card}]}])
            case "ship_cards":
                return {"to": "F1"}
            case "reserve_sale" | "sell_card":
                more = self.chance.choice([{}, {}, {"price": usd(minor - 10)}])
                tender = self.chance.choice(["cash", "card"])
                return {"value": usd(minor), "tender": tender, **more}
            case "confirm_sale" | "cancel_sale":
                return {"sale": self.chance.choice(self.stocked[-6:])}
            case "rekeyed":
                return {"last4": "0002"}
            case _:
                return {"reason": "by hand"}


def check_owner(cards: Cards) -> None:
    """A card is stock's or live, never both: handed over once in each of its lives."""
    for name in CARDS:
        held, live = cards.stock.rows.get(name), cards.live.rows.get(name)
        if held is None:
            assert live is None, name
        elif held.state == "Activated":
            assert live is not None, name
            assert live.state in LIVE, name
            assert live.life == held.life, name
        elif live is not None:
            assert live.state in ("Blank", "Cancelled"), (name, held.state, live.state)
            assert live.ledger == 0, name


def tell(seed: int, steps: int) -> None:
    """One history: what must hold is looked at after every step, the books at its end."""
    chance = Random(seed)
    cards = open_world(chance)
    # In every other history what accounts send one another takes its time.
    cards.live.chance = chance if seed % 2 else None
    history = WholeHistory(cards, chance)
    for _ in range(steps):
        history.step()
        check(cards.live)
        check_owner(cards)
    history.charge_back_all()
    cards.sweep()
    check(cards.live)
    check_owner(cards)
    check_facts(cards.live)
    check_sales(cards.live)
    check_books(cards.live)
    assert cards.live.folded() == cards.live.rows
    assert cards.stock.folded() == cards.stock.rows
