"""Histories: random but seeded commands on a few cards and credits, as their senders mean them.

The generator knows what it asked for, never what came of it: many commands are refused, and late,
reversed or senseless orders are part of the game. What channels make of it is channels.py.
"""

from dataclasses import replace
from random import Random
from typing import Any, Final

from schemas.instants import format_instant
from schemas.topics import ISSUANCE_COMMANDS, LEDGER_OPERATIONS, REDEMPTION_COMMANDS
from tests.simulation.mixture import (
    BY_OFFICE,
    BY_STORES,
    OF_LEDGER,
    OF_OFFICE,
    OF_RUNS,
    OF_STOCK,
    WAYS,
    WEIGHTS,
    Asked,
)
from tests.simulation.network import (
    DAY,
    HOUR,
    MINUTE,
    PLACES,
    SECOND,
)
from tests.simulation.scenes import Scene
from tests.simulation.words import Words, money

RUN_DAYS: Final = (1, 2, 3, 8)
RETURN_CODES: Final = ("R01", "R01", "R09", "R02", "R03", "R29", "R05")


class Workload(Words):
    """Makes one history, beginning at `start` (ms UTC), of the scene's length."""

    def __init__(self, chance: Random, start: int, scene: Scene) -> None:
        super().__init__(chance, scene.cards)
        self._now = start
        self._scene = scene
        self._runs: list[str] = []
        self._count = 0

    def history(self) -> list[Asked]:
        """The commands in the order their senders mean them."""
        made = [self._prepare(card) for card in self._cards]
        stock = len(self._cards) > 2
        for card in list(self._cards)[: len(self._cards) - stock]:
            self._now += SECOND
            made.append(self._asked("sell_card", card, **self._sale(card)))
        for account in self._credits:
            made.append(self._asked("issue_credit", account, **self._credit(account)))
        made = [replace(asked, sure=True) for asked in made]
        made += self._brought(self._chance.choice(list(self._cards)))
        if len(self._scene.roles) > 2:
            least = 2 if self._scene.has_runs else 0
            made += [self._used() for _ in range(self._chance.randrange(least, 5))]
            if self._chance.random() < 0.3:
                card = self._chance.choice(list(self._cards))
                made.append(replace(self._drawn("refund_capture", card), sure=True))
        if self._scene.has_runs:
            made.append(self._ordered("run_settlement"))
            if self._chance.random() < 0.5:
                made.append(self._ordered("bank_return"))
        weights = self._weights()
        while len(made) < self._scene.commands:
            self._pass()
            made.append(self._drawn(self._chance.choices(list(weights), weights.values())[0]))
        return made

    def _weights(self) -> dict[str, int]:
        """Each seed has its own taste: some commands come often, some not at all."""
        weights = dict(WEIGHTS)
        if self._scene.has_runs:
            weights |= OF_RUNS
        weights |= OF_LEDGER
        return {name: w * self._chance.choice((0, 1, 1, 3)) + 1 for name, w in weights.items()}

    def _used(self) -> Asked:
        """A card is used at one place or another."""
        self._now += MINUTE
        asked = self._drawn("redeem", self._chance.choice(list(self._cards)))
        place = {"location": self._chance.choice(PLACES), "staff": "sam"}
        return replace(asked, sure=True, body={**asked.body, "allow_partial": True, "place": place})

    def _brought(self, card: str) -> list[Asked]:
        """A card may have gone some way before the rest begins."""
        way = self._chance.choice(WAYS)
        made = []
        for type in way:
            self._now += 46 * DAY if type == "wait" else SECOND
            if type != "wait":
                asked = self._drawn(type, card)
                made.append(replace(asked, sure=True))
        return made

    def _pass(self) -> None:
        gaps = (0, 2 * SECOND, 40 * SECOND, 8 * MINUTE, 35 * MINUTE, 7 * HOUR, 3 * DAY, 38 * DAY)
        most = self._chance.choices(gaps, (20, 40, 30, 20, 8, 5, 3, 1))[0]
        self._now += self._chance.randrange(most // 2, most + 1)

    def _drawn(self, type: str, card: str | None = None) -> Asked:
        if type == "set_policy":
            return Asked(self._now, type, REDEMPTION_COMMANDS, "service/policy", "policy", "policy")
        if type in OF_OFFICE:
            return self._ordered(type)
        if type in OF_STOCK:
            card = card or self._chance.choice(list(self._cards))
            return self._of_stock(self._first(type, card), card)
        accounts = [*self._cards, *self._cards, *self._credits]
        account = card or self._chance.choice(accounts)
        if type == "issue_credit":
            account = self._chance.choice(list(self._credits))
        first = self._first(type, account)
        return self._asked(first, account, **self._said(first, account))

    def meant(self, type: str, card: str, at: int) -> Asked:
        """A command that fits its card: enough for all of its value, from who may send it."""
        self._now, self._cards[card] = at, "gift"
        if type in OF_STOCK:
            asked = self._of_stock(type, card)
        else:
            asked = self._asked(type, card, **self._said(type, card))
        place = {"location": "F1", "staff": "sam"}
        body = {**asked.body, "place": place}
        if type == "redeem":
            body |= {"amount": money(60_000, "USD"), "allow_partial": True}
            body.pop("lines", None)
        office = type in BY_OFFICE or type in ("refund_capture", "reserve_return")
        source = "channel/office" if office else "channel/pos"
        if type == "rekeyed":
            source = "service/press"
            del body["place"]
        return replace(asked, source=source, body=body)

    def _ordered(self, type: str) -> Asked:
        self._count += 1
        name, subject, body = f"{type}-{self._count}", "office", dict[str, Any]()
        if type == "close_period":
            subject = self._chance.choice(("E1", "E2", "HQ"))
            body = {"until": format_instant(self._now - DAY)[:10]}
        elif type == "recognize_breakage":
            body = {"programme": "gift", "rate_bp": self._chance.choice((None, 500, 2000))}
        elif type == "run_settlement":
            # Channels may be slow; a run takes what there is.
            self._now += self._chance.choice(RUN_DAYS) * DAY
            body = {"dry": self._chance.random() < 0.1}
            self._runs.append(name)
        else:
            body = self._of_a_run(type)
        return Asked(self._now, type, LEDGER_OPERATIONS, "service/ledger", subject, name, body)

    def _of_a_run(self, type: str) -> dict[str, Any]:
        body: dict[str, Any] = {"run": self._one_of(self._runs)}
        if type == "bank_return":
            self._now += self._chance.choice((0, 1, 2)) * DAY
            body["code"] = self._chance.choice(RETURN_CODES)
            body["location"] = self._chance.choice(PLACES)
        elif type == "bank_correction":
            body["location"] = self._chance.choice(PLACES)
            body["value"] = str(self._chance.randrange(10_000_000, 99_999_999))
        return body

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
                entry = {"card": name, "last4": "7777", "value": money(4000, "USD")}
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
