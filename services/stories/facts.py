"""What stands on the topics of facts and of commands, read whole once a story has been told."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.codec import read_fact
from schemas.ledger import Journal
from schemas.message import Published
from schemas.topics import (
    COMMAND_TOPICS,
    DEADLETTERS,
    ISSUANCE_REPLIES,
    LEDGER_JOURNALS,
    REDEMPTION_EVENTS,
    REDEMPTION_REPLIES,
    SETTLEMENT_ITEMS,
    Topic,
)
from services.runtime.deadletters import read_dead_letter
from services.runtime.ports import StateReader
from services.runtime.records import Record
from services.runtime.slices import records_now

REPLIES = dict(zip(COMMAND_TOPICS, (ISSUANCE_REPLIES, REDEMPTION_REPLIES), strict=True))


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that wants an answer: where it stands, whose it is."""

    topic: str
    partition: int
    offset: int
    subject: str
    id: str


def _standing(letter: dict[str, str | int]) -> tuple[str, int, int]:
    return str(letter["topic"]), int(letter["partition"]), int(letter["offset"])


class Topics:
    """Reads whole topics."""

    def __init__(self, reader: StateReader, partitions: int) -> None:
        self._reader = reader
        self._partitions = partitions

    def records(self, topic: Topic) -> Iterator[Record]:
        """Every committed record, partition by partition."""
        for number in range(self._partitions):
            yield from records_now(self._reader, topic.name, number)

    def facts(self, topic: Topic) -> list[Published]:
        """Every fact, partition by partition, in log order."""
        return [read_fact(topic, record.value or b"") for record in self.records(topic)]

    def events(self) -> list[Published]:
        """Redemption's facts."""
        return self.facts(REDEMPTION_EVENTS)

    def journals(self) -> list[tuple[Published, Journal]]:
        """Every journal with its envelope, by time, then by fact: the same order on every log."""
        order = {event.id: i for i, event in enumerate(self.events())}
        topics = {REDEMPTION_EVENTS.name: 0, SETTLEMENT_ITEMS.name: 1}

        def place(pair: tuple[Published, Journal]) -> tuple[int, int, int, str, str]:
            fact, journal = pair
            rank = topics.get(journal.fact_topic, 2)
            return fact.time, rank, order.get(journal.fact, 0), journal.fact, journal.entity

        return sorted(((fact, fact.body) for fact in self.facts(LEDGER_JOURNALS)), key=place)

    def dead_letters(self) -> list[dict[str, str | int]]:
        """What could not be read: topic, partition, offset, cause."""
        letters = [read_dead_letter(record) for record in self.records(DEADLETTERS)]
        return sorted(letters, key=_standing)

    def asked(self) -> list[Asked]:
        """Every command that names somebody to answer, as far as it can be read."""
        found = []
        for topic in COMMAND_TOPICS:
            for record in self.records(topic):
                said = _object(record.value)
                if all(isinstance(said.get(name), str) for name in ("id", "subject", "replyto")):
                    at = (record.topic, record.partition, record.offset)
                    found.append(Asked(*at, said["subject"], said["id"]))
        return found

    def answered(self) -> list[tuple[str, str, str]]:
        """Every answer as (command topic, subject, command id)."""
        found = []
        for topic, replies in REPLIES.items():
            for record in self.records(replies):
                said = _object(record.value)
                found.append((topic.name, said["subject"], said["data"]["command"]))
        return found


def _object(value: bytes | None) -> dict[str, Any]:
    try:
        read = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}
