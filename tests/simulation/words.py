"""What commands say: bodies that fit what their sender knows of a card or an account.

The sender knows what it asked for, never what came of it.
"""

from random import Random
from typing import Any

from tests.simulation.network import CARD_PROGRAMMES, CATEGORIES, OWNERS, credit_of, currency_of


class Words:
    """Cards `c0`… and some credits, and the holds, captures, sales and returns asked for so far."""

    def __init__(self, chance: Random, cards: int) -> None:
        self._chance = chance
        self._cards = {f"c{i}": chance.choice(CARD_PROGRAMMES) for i in range(cards)}
        credits = [(owner, currency) for owner in OWNERS for currency in ("USD", "CAD")]
        chosen = chance.sample(credits, 1 + (cards > 2))
        self._credits = {credit_of(o, c): (o, c) for o, c in chosen}
        self._holds: dict[str, list[str]] = {}
        self._captures: dict[str, list[str]] = {}
        self._sales: dict[str, list[str]] = {}
        self._returns: dict[str, list[str]] = {}

    def _first(self, type: str, account: str) -> str:
        """What must come before, mostly, if it has not: a hold before its capture."""
        if self._chance.random() < 0.1:
            return type
        if type in ("increase_hold", "capture_hold", "release_hold"):
            return type if self._holds.get(account) else "place_hold"
        if type in ("confirm_return", "cancel_return"):
            return type if self._returns.get(account) else "reserve_return"
        if type in ("confirm_sale", "cancel_sale"):
            return type if self._sales.get(account) else "reserve_sale"
        if type == "refund_capture":
            return type if self._captures.get(account) else "redeem"
        return type

    def _sale(self, card: str) -> dict[str, Any]:
        currency = currency_of(self._cards[card])
        minor = self._chance.choice((1000, 2500, 9999, 20_000))
        said: dict[str, Any] = {"value": money(minor, currency)}
        said["tender"] = self._chance.choice(("cash", "card", "psp", "promo"))
        if said["tender"] != "promo" and self._chance.random() < 0.3:
            said["price"] = money(minor * 9 // 10, currency)
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
                    "amount": money(part, currency),
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
            said["lines"] = [{"line": 1, "amount": money(minor, self._currency(account))}]
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
            said["amount"] = money(2500, currency)
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
        return money(minor, currency)


def money(minor: int, currency: str) -> dict[str, Any]:
    """An amount as the wire has it."""
    return {"minor": minor, "currency": currency}
