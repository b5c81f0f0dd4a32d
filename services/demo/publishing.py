"""A day's commands as channels would publish them: one line each, in order of their delivery."""

import random
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from schemas.identifiers import derived
from schemas.instants import MINUTE, SECOND, format_instant, parse_instant
from schemas.issuance import COMMANDS as OF_ISSUANCE
from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_COMMANDS, Topic

CURRENCY: Final = "USD"
MIDNIGHT: Final = parse_instant("2026-05-08T00:00:00-04:00")
STORES: Final = ("SOHO", "HARBOR", "SUNSET", "MISSION", "FLAGSHIP")
WITHOUT_SEAL: Final = None
_AGAIN_IN: Final = 40  # one record of so many is delivered twice
_LATE_IN: Final = 60  # one of so many arrives long after it was sent


@dataclass(frozen=True, slots=True)
class Sent:
    """A command as it was sent: its id, when it arrives (ms UTC), and what it says."""

    id: str
    at: int
    value: dict[str, Any]


@dataclass(slots=True)
class Day:
    """Collects lines; the same seed makes the same day."""

    chance: random.Random
    lines: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def between(self, lowest: int, highest: int) -> int:
        """An integer, both ends included."""
        return lowest + self.chance.randrange(highest - lowest + 1)

    def one_in(self, number: int) -> bool:
        """True once in so many times."""
        return self.chance.randrange(number) == 0

    def store(self, other_than: str | None = None) -> str:
        """A store; the big ones come up more often."""
        while True:
            found = (*STORES, "SOHO", "SUNSET")[self.chance.randrange(len(STORES) + 2)]
            if found != other_than:
                return found

    def customer_hour(self, earliest: int) -> int:
        """An instant of the day (ms UTC): shops fill up towards noon, and again after work."""
        last = max(earliest, MIDNIGHT + 20 * 60 * MINUTE)
        for _ in range(20):
            around, width = (12.2, 0.9) if self.between(1, 10) <= 7 else (16.5, 1.8)
            at = MIDNIGHT + int(self.chance.gauss(around, width) * 60 * MINUTE)
            if earliest <= at <= last:
                return at
        return earliest + self.between(0, 30 * MINUTE)

    def soon(self, at: int, seconds_min: int = 5, seconds_max: int = 90) -> int:
        """A little later."""
        return at + self.between(seconds_min * SECOND, seconds_max * SECOND)

    def command(
        self,
        at: int,
        channel: str,
        type: str,
        subject: str,
        body: dict[str, Any],
        place: dict[str, str] | None = None,
    ) -> Sent:
        """Send a command that asks for a reply; some come twice, some long after they were sent."""
        number = self._counts.get(channel, 0) + 1
        self._counts[channel] = number
        id = f"{channel}-{number:05d}"
        where = {"place": {**place, "channel": channel}} if place else {}
        value = envelope(id, channel, type, subject, at, {**body, **where})
        arrives = at + self.between(8, 40) * MINUTE if self.one_in(_LATE_IN) else at
        topic = ISSUANCE_COMMANDS if type in OF_ISSUANCE else REDEMPTION_COMMANDS
        if type == "enquire":
            topic = REDEMPTION_COMMANDS
        self.deliver(arrives, topic, channel, value)
        if self.one_in(_AGAIN_IN):
            self.deliver(self.soon(arrives, 1, 600), topic, channel, value)
        return Sent(id, arrives, value)

    def deliver(self, at: int, topic: Topic, channel: str | None, value: dict[str, Any]) -> None:
        """One record, sealed with the channel's key (none: without seal)."""
        line = {"topic": topic.name, "channel": channel, "at": format_instant(at), "value": value}
        self.lines.append((at, len(self.lines), line))

    def deliver_bytes(self, at: int, topic: Topic, channel: str, key: str, raw: bytes) -> None:
        """One record that is no JSON at all."""
        line = {"topic": topic.name, "channel": channel, "at": format_instant(at), "key": key}
        self.lines.append((at, len(self.lines), {**line, "raw": b64encode(raw).decode()}))

    def written(self) -> bytes:
        """The whole file, in order of arrival."""
        return b"".join(orjson.dumps(line) + b"\n" for _, _, line in sorted(self.lines, key=_order))


def _order(entry: tuple[int, int, dict[str, Any]]) -> tuple[int, int]:
    return entry[:2]


def envelope(
    id: str, channel: str, type: str, subject: str, at: int, body: dict[str, Any]
) -> dict[str, Any]:
    """A CloudEvents object as a channel sends it."""
    return {
        "specversion": "1.0",
        "id": id,
        "type": f"{type}.v1",
        "source": f"channel/{channel}",
        "subject": subject,
        "time": format_instant(at),
        "replyto": channel,
        "data": body,
    }


def money(minor: int, currency: str = CURRENCY) -> dict[str, Any]:
    """Money on the wire."""
    return {"minor": minor, "currency": currency}


def till(day: Day, store: str) -> dict[str, str]:
    """A till of a store, with the receipt's number."""
    register = f"{store.lower()}-{day.between(1, 3)}"
    return {"location": store, "register": register, "receipt": f"r{day.between(1, 999_999):06d}"}


def card_name(kind: str, number: int) -> str:
    """The account id of a card: random-looking, unrelated to any code."""
    return derived("demo card", kind, str(number))
