"""Makes stories by chance, from a seed: whatever people and machines may do, in any order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

NETWORK = Path(__file__).parent / "policies" / "network.yaml"
PROGRAMMES = ("gift", "strict", "exception", "once", "forfeit", "fixed")
PLACES = ("F1", "F2", "F3", "F4")
CATEGORIES = ("service", "product", "class", "tax", "tip", "odd")
AMOUNTS = (1, 33, 100, 777, 1500, 2500)
PAUSES = (0, 1, 60, 600, 3600, 86_400, 172_800, 432_000)
ACCOUNTS = {
    "acct-hq": {"routing": "021000021", "number": "900000001", "type": "checking"},
    "acct-f1": {"routing": "021000021", "number": "123456789", "type": "checking"},
    "acct-f2": {"routing": "121000248", "number": "223456789", "type": "checking"},
    "acct-f3": {"routing": "011000015", "number": "323456789", "type": "savings"},
}
CREDITS = {
    "k1": {"programme": "credit", "owner": {"customer": "u1"}},
    "k2": {"programme": "credit", "owner": {"company": "b1"}},
}
Said = dict[str, Any]


@dataclass
class Author:
    """Tells one story; what it remembers it may come back to."""

    chance: Random
    cards: dict[str, str] = field(default_factory=dict)
    known: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    steps: list[Said] = field(default_factory=list)

    def story(self) -> str:
        """The text of the story."""
        self.cards = {f"c{i}": self.chance.choice(PROGRAMMES) for i in range(4)}
        at = datetime(2026, 5, 1, 14, tzinfo=UTC)
        for card in self.cards:
            self._step(at, self._sale(card))
        for _ in range(self.chance.randint(15, 45)):
            at += timedelta(seconds=self.chance.choice(PAUSES))
            said = self.chance.choice(ACTS)(self)
            if said is not None:
                self._step(at, said)
        document = {
            "policy": self._policy(),
            "cards": self.cards,
            "credits": CREDITS,
            "accounts": ACCOUNTS,
            "story": self.steps,
        }
        return yaml.safe_dump(document, sort_keys=False)

    def _step(self, at: datetime, said: Said) -> None:
        self.steps.append({"at": at.isoformat(), **said})

    def _policy(self) -> Said:
        policy: Said = yaml.safe_load(NETWORK.read_text())
        del policy["effective"]
        policy["law"] = [{"jurisdiction": "US-CA", "cash_out_below": 1500}]
        pick = self.chance.choice
        policy["settlement"] |= {
            "mode": pick(["percentage", "full"]),
            "credit_release": pick(["with_debits", "after_return_window"]),
            "same_entity": pick(["items", "none"]),
        }
        for programme in policy["programmes"].values():
            if programme["kind"] == "card" and self.chance.random() < 0.4:
                programme["returns"] = {"to": pick(["refunded", "prepared"])}
            if programme["kind"] == "card" and self.chance.random() < 0.3:
                programme["validity"] = {"days": pick([3, 10, 40])}
        return policy

    def about(self, kind: str, do: str, subject: str, **said: Any) -> Said:
        """A command with an id that others may name later, as one of this kind."""
        id = f"{kind}{len(self.steps)}"
        self.known.setdefault(kind, []).append((subject, id))
        who = "card" if do in ("sell_card", "reserve_sale", "confirm_sale") else "account"
        return {"do": do, "id": id, who: subject, **said}

    def earlier(self, kind: str) -> tuple[str, str] | None:
        """A subject and an id of this kind, told before."""
        return self.chance.choice(self.known[kind]) if kind in self.known else None

    def place(self) -> Said:
        """Somewhere."""
        return {"location": self.chance.choice(PLACES)}

    def amount(self) -> int:
        """Some minor units."""
        return self.chance.choice(AMOUNTS)

    def account(self) -> str:
        """Any account."""
        return self.chance.choice([*self.cards, "c0+credit", "c1+credit", *CREDITS])

    def card(self) -> str:
        """Any card."""
        return self.chance.choice(list(self.cards))

    def _sale(self, card: str) -> Said:
        tender = self.chance.choice(["cash", "card", "promo"])
        price = {"price": 0} if tender == "promo" else {}
        value = self.chance.choice([2500, 5000])
        more = {"value": value, "tender": tender, "place": self.place(), **price}
        return self.about("sale", "sell_card", card, **more)


def _redeem(author: Author) -> Said:
    amount = author.amount()
    lines = []
    left = amount
    while left and len(lines) < 3:
        part = left if len(lines) == 2 else author.chance.randint(1, left)
        category = author.chance.choice(CATEGORIES)
        lines.append({"line": len(lines), "category": category, "amount": part})
        left -= part
    said: Said = {"amount": amount, "place": author.place()}
    if author.chance.random() < 0.7:
        said["lines"] = lines
    partly = author.chance.random() < 0.4
    return author.about("capture", "redeem", author.account(), allow_partial=partly, **said)


def _hold(author: Author) -> Said:
    ttl = author.chance.choice([60, 7200, 864_000])
    said = {"amount": author.amount(), "ttl_seconds": ttl, "place": author.place()}
    return author.about("hold", "place_hold", author.account(), **said)


def _of_hold(author: Author) -> Said | None:
    found = author.earlier("hold")
    if found is None:
        return None
    subject, hold = found
    do = author.chance.choice(["capture_hold", "capture_hold", "release_hold", "increase_hold"])
    said: Said = {"hold": hold, "place": author.place()}
    if do == "capture_hold":
        said["final"] = author.chance.random() < 0.7
    if do == "increase_hold" or (do == "capture_hold" and author.chance.random() < 0.5):
        said["amount"] = author.amount()
    return author.about("capture" if do == "capture_hold" else "other", do, subject, **said)


def _refund(author: Author) -> Said | None:
    found = author.earlier("capture")
    if found is None:
        return None
    said: Said = {"capture": found[1], "amount": author.amount(), "place": author.place()}
    if author.chance.random() < 0.4:
        said["to"] = author.chance.choice(["same", "k1", "k2"])
    return author.about("other", "refund_capture", found[0], **said)


def _value_in(author: Author) -> Said:
    said: Said = {"amount": author.amount(), "place": author.place()}
    if author.chance.random() < 0.5:
        origin = author.chance.choice(["refund", "goodwill", "promo", "issuance", "consignment"])
        credit = author.chance.choice(list(CREDITS))
        return author.about("other", "issue_credit", credit, origin=origin, **said)
    origin = author.chance.choice(["paid", "promo", "goodwill"])
    return author.about(
        "other", "load_value", author.account(), origin=origin, tender="cash", **said
    )


def _give_back(author: Author) -> Said | None:
    found = author.earlier("return")
    if found is None or author.chance.random() < 0.5:
        return author.about("return", "reserve_return", author.card(), place=author.place())
    do = author.chance.choice(["confirm_return", "confirm_return", "cancel_return"])
    said = {"return": found[1], "place": author.place()}
    return author.about("other", do, found[0], **said)


def _by_hand(author: Author) -> Said:
    do = author.chance.choice(["freeze_account", "unfreeze_account", "adjust_balance", "cash_out"])
    said: Said = {"place": {"location": "F2"}}
    if do != "cash_out":
        said["reason"] = "by hand"
    if do == "adjust_balance":
        said["minor"] = author.chance.choice([-50, 50, 500])
    return author.about("other", do, author.account(), **said)


def _transfer(author: Author) -> Said:
    reason = author.chance.choice(["replacement", "wish"])
    return author.about("other", "transfer_balance", author.card(), to=author.card(), reason=reason)


def _sell_again(author: Author) -> Said:
    if author.chance.random() < 0.3:
        return {"do": "rekeyed", "card": author.card(), "last4": "1234"}
    said = {"value": 2500, "tender": "cash", "place": author.place()}
    return author.about("sale", "sell_card", author.card(), **said)


def _charge_back(author: Author) -> Said | None:
    found = author.earlier("sale")
    if found is None:
        return None
    return author.about("other", "charge_back_sale", found[0], sale=found[1])


def _run(author: Author) -> Said:
    id = f"run{len(author.steps)}"
    author.known.setdefault("run", []).append(("", id))
    return {"do": "run_settlement", "id": id}


def _come_back(author: Author) -> Said | None:
    found = author.earlier("run")
    if found is None:
        return None
    code = author.chance.choice(["R01", "R02", "R03"])
    location = author.chance.choice(["F1", "F2", "F3"])
    return {"do": "bank_return", "run": found[1], "location": location, "code": code}


def _trouble(author: Author) -> Said | None:
    found = author.earlier(author.chance.choice(["capture", "hold", "run"]))
    if found is None or author.chance.random() < 0.5:
        return {"do": author.chance.choice(["restart", "garbage"])}
    return {"do": "repeat", "id": found[1]}


ACTS: tuple[Callable[[Author], Said | None], ...] = (
    *(_redeem, _redeem, _redeem, _hold, _hold, _of_hold, _of_hold, _of_hold, _refund, _refund),
    *(_value_in, _give_back, _by_hand, _transfer, _sell_again, _charge_back, _run, _come_back),
    *(_trouble,),
)
