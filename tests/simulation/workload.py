"""Histories: random but seeded commands on a few cards and credits, as their senders mean them.

The generator knows what it asked for, never what came of it: many commands are refused, and late,
reversed or senseless orders are part of the game. What channels make of it is channels.py.
"""

from random import Random
from typing import Any, Final

from schemas.topics import ISSUANCE_COMMANDS, LEDGER_OPERATIONS, REDEMPTION_COMMANDS
from tests.simulation.mixture import BY_OFFICE, BY_STORES, OF_STOCK, WEIGHTS, Asked
from tests.simulation.network import (
    CARD_PROGRAMMES,
    CATEGORIES,
    DAY,
    HOUR,
    MINUTE,
    OWNERS,
    PLACES,
    SECOND,
    credit_of,
    currency_of,
)

CARDS: Final = 4


class Workload:
    """Makes one history of `length` commands, beginning at `start` (ms UTC)."""

    def __init__(self, chance: Random, start: int, length: int) -> None:
        self._chance = chance
        self._now = start
        self._length = length
        self._cards = {f"c{i}": chance.choice(CARD_PROGRAMMES) for i in range(CARDS)}
        credits = [(owner, currency) for owner in OWNERS for currency in ("USD", "CAD")]
        self._credits = {credit_of(o, c): (o, c) for o, c in chance.sample(credits, 2)}
        self._holds: dict[str, list[str]] = {}
        self._captures: dict[str, list[str]] = {}
        self._sales: dict[str, list[str]] = {}
        self._returns: dict[str, list[str]] = {}
        self._count = 0

    def history(self) -> list[Asked]:
        """The commands in the order their senders mean them."""
        made = [self._prepare(card) for card in self._cards]
        for card in list(self._cards)[: CARDS - 1]:
            self._now += SECOND
            made.append(self._asked("sell_card", card, **self._sale(card)))
        for account in self._credits:
            made.append(self._asked("issue_credit", account, **self._credit(account)))
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while len(made) < self._length:
            self._pass()
            made.append(self._drawn(self._chance.choices(names, weights)[0]))
        return made

    def _pass(self) -> None:
        gaps = (0, 2 * SECOND, 40 * SECOND, 8 * MINUTE, 35 * MINUTE, 7 * HOUR, 3 * DAY, 38 * DAY)
        most = self._chance.choices(gaps, (20, 40, 30, 20, 8, 5, 3, 1))[0]
        self._now += self._chance.randrange(most // 2, most + 1)

    def _drawn(self, type: str) -> Asked:
        if type == "set_policy":
            return Asked(self._now, type, REDEMPTION_COMMANDS, "service/policy", "policy", "policy")
        if type == "close_period":
            entity = self._chance.choice(("E1", "E2", "HQ"))
            operator = "service/ledger"
            self._count += 1
            name = f"close-{self._count}"
            return Asked(self._now, type, LEDGER_OPERATIONS, operator, entity, name)
        if type in OF_STOCK:
            return self._of_stock(type, self._chance.choice(list(self._cards)))
        accounts = [*self._cards, *self._cards, *self._credits]
        account = self._chance.choice(accounts)
        if type == "issue_credit":
            account = self._chance.choice(list(self._credits))
        return self._asked(type, account, **self._said(type, account))

    def _of_stock(self, type: str, card: str) -> Asked:
        known = self._sales.setdefault(card, [])
        match type:
            case "prepare_cards":
                return self._prepare(card)
            case "sell_card" | "reserve_sale":
                return self._asked(type, card, **self._sale(card))
            case "confirm_sale" | "cancel_sale":
                return self._asked(type, card, sale=self._one_of(known))
            case "import_cards":
                name = f"old{self._count % 2}"
                self._cards.setdefault(name, "gift")
                entry = {"card": name, "last4": "7777", "value": _money(4000, "USD")}
                sold = {"sold_at": "2025-12-01T00:00:00Z", "batch": "old"}
                return self._asked(type, name, programme="gift", cards=[entry], **sold)
            case "undo_import" | "enquire_card":
                return self._asked(type, card)
            case "ship_cards":
                return self._asked(type, card, to=self._chance.choice(PLACES))
            case "rekeyed":
                return self._asked(type, card, last4="4321")
            case _:
                return self._asked(type, card, reason="by hand")

    def _prepare(self, card: str) -> Asked:
        entry = {"card": card, "last4": "0001"}
        programme = self._cards[card]
        return self._asked("prepare_cards", card, programme=programme, batch="b1", cards=[entry])

    def _sale(self, card: str) -> dict[str, Any]:
        currency = currency_of(self._cards[card])
        minor = self._chance.choice((1000, 2500, 9999, 20_000))
        said: dict[str, Any] = {"value": _money(minor, currency)}
        said["tender"] = self._chance.choice(("cash", "card", "psp", "promo"))
        if said["tender"] != "promo" and self._chance.random() < 0.3:
            said["price"] = _money(minor * 9 // 10, currency)
        return said

    def _said(self, type: str, account: str) -> dict[str, Any]:
        match type:
            case "place_hold" | "redeem" | "increase_hold" | "capture_hold" | "release_hold":
                return self._use(type, account)
            case "refund_capture":
                return self._refund(account)
            case "load_value":
                origin = self._chance.choice(("paid", "paid", "promo", "goodwill"))
                return {"amount": self._amount(account), "origin": origin}
            case "issue_credit":
                return self._credit(account)
            case "confirm_return" | "cancel_return":
                return {"return": self._one_of(self._returns.setdefault(account, []))}
            case _:
                return self._by_staff(type, account)

    def _use(self, type: str, account: str) -> dict[str, Any]:
        hold = self._one_of(self._holds.setdefault(account, []))
        amount = self._amount(account)
        match type:
            case "release_hold":
                return {"hold": hold}
            case "increase_hold":
                return {"hold": hold, "amount": amount}
            case "place_hold":
                said: dict[str, Any] = {"amount": amount}
                if self._chance.random() < 0.3:
                    said["ttl_seconds"] = self._chance.choice((5, 60, 86_400))
            case "redeem":
                said = {"amount": amount, **self._lines(amount)}
            case _:
                said = {"hold": hold}
                if self._chance.random() < 0.6:
                    said |= {"amount": amount, **self._lines(amount)}
                if self._chance.random() < 0.4:
                    said["final"] = self._chance.random() < 0.5
                return said
        if self._chance.random() < 0.5:
            said["allow_partial"] = True
        return said

    def _lines(self, amount: dict[str, Any]) -> dict[str, Any]:
        if self._chance.random() < 0.3:
            return {}
        left, lines = amount["minor"] + self._chance.choice((0, 0, 1, 500)), []
        for number in range(1, self._chance.randrange(2, 5)):
            part = self._chance.randrange(0, left + 1)
            left -= part
            lines.append((number, part))
        lines.append((len(lines) + 1, left))
        currency = amount["currency"]
        return {
            "lines": [
                {
                    "line": number,
                    "category": self._chance.choice(CATEGORIES),
                    "amount": _money(part, currency),
                }
                for number, part in lines
            ]
        }

    def _refund(self, account: str) -> dict[str, Any]:
        said: dict[str, Any] = {"capture": self._one_of(self._captures.setdefault(account, []))}
        if self._chance.random() < 0.7:
            said["amount"] = self._amount(account)
        else:
            minor = self._chance.randrange(1, 800)
            said["lines"] = [{"line": 1, "amount": _money(minor, self._currency(account))}]
        to = self._chance.choice(("same", None, self._chance.choice(list(self._credits))))
        if to is not None:
            said["to"] = to
        return said

    def _credit(self, account: str) -> dict[str, Any]:
        owner, currency = self._credits[account]
        origin = self._chance.choice(("issuance", "refund", "goodwill", "promo", "membership"))
        said = {"owner": owner, "amount": self._amount(account), "origin": origin}
        if origin == "membership":
            said |= {"membership": "gold", "assignment": self._chance.choice(("a1", "a2"))}
            said["amount"] = _money(2500, currency)
        return said

    def _by_staff(self, type: str, account: str) -> dict[str, Any]:
        match type:
            case "enquire" | "cash_out":
                return {}
            case "adjust_balance":
                minor = self._chance.choice((-700, -100, 100, 5_000))
                return {"minor": minor, "reason": "count", "approved_by": "bob"}
            case "extend_validity":
                ends = {"expires_at": "2026-12-31T00:00:00Z", "approved_by": "bob"}
                return {"reason": "kind", **ends}
            case "charge_back_sale":
                return {"sale": self._one_of(self._sales.setdefault(account, []))}
            case "transfer_balance":
                others = [*self._cards, *self._credits, "nobody"]
                reason = self._chance.choice(("replacement", "wish"))
                return {"to": self._chance.choice(others), "reason": reason}
            case _:
                return {"reason": "by hand"}

    def _asked(self, type: str, subject: str, **body: Any) -> Asked:
        self._count += 1
        id = f"{type}-{self._count}"
        channel = "office" if type in BY_OFFICE else self._chance.choice(("pos", "pos", "web"))
        if type in BY_STORES and self._chance.random() < 0.98:
            channel = "pos"
        source = "service/press" if type == "rekeyed" else f"channel/{channel}"
        if source != "service/press" and self._chance.random() < 0.9:
            body["place"] = {"location": self._chance.choice(PLACES), "staff": "sam"}
        self._remember(type, subject, id)
        topic = ISSUANCE_COMMANDS if type in OF_STOCK else REDEMPTION_COMMANDS
        name = "enquire" if type == "enquire_card" else type
        return Asked(self._now, name, topic, source, subject, id, body)

    def _remember(self, type: str, subject: str, id: str) -> None:
        kept = {
            "place_hold": self._holds,
            "capture_hold": self._captures,
            "redeem": self._captures,
            "sell_card": self._sales,
            "reserve_sale": self._sales,
            "reserve_return": self._returns,
        }.get(type)
        if kept is not None:
            kept.setdefault(subject, []).append(id)

    def _one_of(self, known: list[str]) -> str:
        """Mostly the newest; now and then one that was never seen."""
        if not known or self._chance.random() < 0.05:
            return f"unseen-{self._chance.randrange(3)}"
        return known[-1] if self._chance.random() < 0.6 else self._chance.choice(known)

    def _currency(self, account: str) -> str:
        if account in self._credits:
            return self._credits[account][1]
        return currency_of(self._cards[account])

    def _amount(self, account: str) -> dict[str, Any]:
        minor = self._chance.choice((1, 333, 700, 1000, 1999, 2500, 7000))
        currency = self._currency(account)
        if self._chance.random() < 0.02:
            currency = "CAD" if currency == "USD" else "USD"
        return _money(minor, currency)


def _money(minor: int, currency: str) -> dict[str, Any]:
    return {"minor": minor, "currency": currency}
