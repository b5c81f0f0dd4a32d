"""A busy installation's commands: cards sold, loaded, held, captured, refunded; some come twice.

The same seed gives the same bytes. Message shapes are what registers send; whoever measures takes
them from here, so that all figures are about one workload.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from schemas.instants import DAY, format_instant
from schemas.topics import REDEMPTION_COMMANDS
from services.runtime.records import Headers
from services.runtime.seals import Seals

ACCOUNTS: Final = 20_000
PLACES: Final = 40
# What one card goes through, again and again: loads match what is spent, so balances stay.
CYCLE: Final = (
    "load_value",
    "place_hold",
    "capture_hold",
    "place_hold",
    "capture_hold",
    "place_hold",
    "capture_hold",
    "refund_capture",
)
# Where an account may begin: before these no hold is open.
BEGINNINGS: Final = (0, 1, 3, 5)
REPEATED: Final = 0.01
REPEATED_WITHIN: Final = 5_000
TOO_MUCH: Final = 0.01
TOO_MUCH_MINOR: Final = 150_000
SOLD_MINOR: Final = 10_000
VALID_DAYS: Final = 1_825
POLICY: Final[dict[str, Any]] = {
    "network": {"currency": "USD", "timezone": "America/New_York", "parent": "HQ"},
    "entities": {"HQ": {}, **{f"E{number}": {} for number in range(7)}},
    "locations": {
        f"F{number}": {
            "entity": f"E{number % 7}",
            "franchise": f"A{number % 7}",
            "jurisdiction": ("US-NY", "US-CA", "US-TX")[number % 3],
        }
        for number in range(PLACES)
    },
    "channels": {
        "pos": {
            "may": ["issue", "redeem", "refund", "enquire"],
            "locations": "*",
            "hold_seconds": 600,
        },
        "web": {"may": ["redeem", "enquire"], "hold_seconds": 3600},
    },
    "programmes": {
        "gift": {
            "kind": "card",
            "currency": "USD",
            "product": "GIFT",
            "value": {"range": [500, 200_000]},
            "validity": {"days": VALID_DAYS, "from": "sale"},
            "limits": {"balance_max": 200_000, "per_day_max": 500_000},
        },
    },
    "settlement": {"enabled": True, "cross_franchise": True},
    "law": [{"jurisdiction": "US", "expiry_floor_years": 5}],
}


@dataclass(slots=True, frozen=True)
class Message:
    """A record for `scrip.redemption.commands`, its partition that of its key; `time` in ms UTC."""

    key: bytes
    value: bytes
    headers: Headers
    time: int


@dataclass(slots=True)
class _Card:
    """What a register needs to know of a card to go on."""

    account: str
    step: int
    hold: str = ""
    capture: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    captured: list[dict[str, Any]] = field(default_factory=list)


class Workload:
    """Messages in order; `pos` and `service` seal them, `start` is the first one's time (ms UTC).

    Messages are a millisecond apart.
    """

    def __init__(
        self, pos: Seals, service: Seals, *, start: int, accounts: int = ACCOUNTS, seed: int = 1
    ) -> None:
        self._pos = pos
        self._service = service
        self._now = start
        self._chance = random.Random(seed)
        self._cards = [_Card(self._id(), self._chance.choice(BEGINNINGS)) for _ in range(accounts)]

    def opening(self) -> Iterator[Message]:
        """Every account's first message: issuance hands its card over, sold for 100.00."""
        for number, card in enumerate(self._cards):
            value = self._value(
                "activate", "service/issuance", card, _activation(number, self._now)
            )
            yield self._message(card, value, self._service)

    def commands(self, count: int) -> Iterator[Message]:
        """So many messages more, of accounts that have been opened."""
        recent: deque[Message] = deque(maxlen=REPEATED_WITHIN)
        for _ in range(count):
            if recent and self._chance.random() < REPEATED:
                yield recent[self._chance.randrange(len(recent))]
                continue
            message = self._next(self._chance.choice(self._cards))
            recent.append(message)
            yield message

    def _next(self, card: _Card) -> Message:
        type = CYCLE[card.step]
        if type == "refund_capture" and not card.capture:
            type = "load_value"  # every hold so far was refused
        id = self._id()
        card.step = (card.step + 1) % len(CYCLE)
        match type:
            case "load_value":
                body = self._load()
            case "place_hold":
                body = self._hold(card, id)
            case "capture_hold":
                body = {"hold": card.hold, "lines": card.lines}
                card.capture, card.captured = id, card.lines
            case _:
                body = self._refund(card)
        value = self._value(type, "channel/pos", card, {"place": self._place(), **body}, id)
        return self._message(card, value, self._pos)

    def _load(self) -> dict[str, Any]:
        minor = 2_500 + 500 * self._chance.randrange(11)
        return {"amount": _money(minor), "origin": "paid", "tender": "cash"}

    def _hold(self, card: _Card, id: str) -> dict[str, Any]:
        if self._chance.random() < TOO_MUCH:
            card.step = (card.step + 1) % len(CYCLE)  # refused, so there is nothing to capture
            return {"amount": _money(TOO_MUCH_MINOR)}
        minor = 500 + self._chance.randrange(2_001)
        card.hold, card.lines = id, self._lines(minor)
        return {"amount": _money(minor)}

    def _lines(self, minor: int) -> list[dict[str, Any]]:
        """A receipt of two or three lines whose prices add up to the amount."""
        tax = minor * 8 // 100 if self._chance.random() < 0.5 else 0
        goods = (minor - tax) * self._chance.randrange(20, 81) // 100
        lines = [("product", goods), ("service", minor - tax - goods), ("tax", tax)]
        return [
            {"line": number, "category": category, "amount": _money(amount)}
            for number, (category, amount) in enumerate(lines, 1)
            if amount
        ]

    def _refund(self, card: _Card) -> dict[str, Any]:
        first = card.captured[0]
        amount = _money((first["amount"]["minor"] + 1) // 2)
        return {"capture": card.capture, "lines": [{"line": first["line"], "amount": amount}]}

    def _place(self) -> dict[str, Any]:
        number = self._chance.randrange(PLACES)
        register = str(1 + self._chance.randrange(6))
        receipt = f"{number:03d}-{self._chance.randrange(1_000_000):06d}"
        return {
            "location": f"F{number}",
            "channel": "pos",
            "register": register,
            "receipt": receipt,
        }

    def _id(self) -> str:
        text = f"{self._chance.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _value(
        self, type: str, source: str, card: _Card, body: dict[str, Any], id: str | None = None
    ) -> bytes:
        self._now += 1
        envelope: dict[str, Any] = {
            "specversion": "1.0",
            "id": id or self._id(),
            "type": f"{type}.v1",
            "source": source,
            "subject": card.account,
            "time": format_instant(self._now),
        }
        if id is not None:
            envelope["replyto"] = f"pos-{self._chance.randrange(PLACES)}"
        return orjson.dumps({**envelope, "data": body})

    def _message(self, card: _Card, value: bytes, seals: Seals) -> Message:
        key = card.account.encode()
        headers = seals.seal(REDEMPTION_COMMANDS.name, key, value)
        return Message(key, value, headers, self._now)


def _money(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}


def _activation(number: int, now: int) -> dict[str, Any]:
    location, entity = f"F{number % PLACES}", f"E{number % PLACES % 7}"
    expires_at = now + VALID_DAYS * DAY
    lot = {
        "lot": f"sale-{number}",
        "origin": "paid",
        "location": location,
        "entity": entity,
        "programme": "gift",
        "jurisdiction": ("US-NY", "US-CA", "US-TX")[number % PLACES % 3],
        "cohort": format_instant(now)[:7],
        "minor": SOLD_MINOR,
        "held": 0,
        "funded": SOLD_MINOR,
        "face_start": SOLD_MINOR,
        "funded_start": SOLD_MINOR,
        "sold_at": now,
        "expires_at": expires_at,
        "life": 1,
    }
    fixed = {
        "sold_at": now,
        "face_minor": SOLD_MINOR,
        "expires_at": expires_at,
        "hold_seconds": None,
        "balance_max": 200_000,
        "per_day_max": 500_000,
    }
    return {
        "place": {"location": location, "channel": "pos", "register": "1"},
        "programme": "gift",
        "life": 1,
        "lots": [lot],
        "fixed": fixed,
        "tender": "cash",
        "sale": f"sale-{number}",
        "imported": False,
        "currency": "USD",
    }
