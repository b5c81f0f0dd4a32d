"""What can be read of a running installation: every topic, incrementally, as facts and answers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from schemas.codec import FACTS_BY_TOPIC, read_fact
from schemas.message import Published
from schemas.topics import TOPICS, Topic
from services.runtime.records import Record

READ_MAX: Final = 100_000
BY_NAME: Final = {topic.name: topic for topic in TOPICS}
FACT_TOPICS: Final = {topic.name: topic for topic in FACTS_BY_TOPIC}


class Readable(Protocol):
    """A log, as readers outside any group have it."""

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        ...

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """Committed records from `start`, and the position after them."""
        ...


@dataclass(slots=True)
class Seen:
    """A record, and the fact it is where its topic has facts."""

    record: Record
    fact: Published | None

    @property
    def at(self) -> str:
        """Where it is, for a person."""
        record = self.record
        return f"{record.topic}/{record.partition} offset {record.offset}"


@dataclass(slots=True)
class Observed:
    """Everything committed so far, by topic and partition; `more` reads what is new."""

    log: Readable
    records: dict[tuple[str, int], list[Seen]] = field(default_factory=dict)
    _positions: dict[tuple[str, int], int] = field(default_factory=dict)

    def more(self, places: Iterable[tuple[str, int]] | None = None) -> list[Seen]:
        """What has been committed since the last call, each partition in order.

        `places` are the only partitions where something may be new, if that is known.
        """
        known = None if places is None else set(places)
        found: list[Seen] = []
        for topic in TOPICS:
            for number in range(self.log.partitions(topic.name)):
                if known is None or (topic.name, number) in known:
                    found += self._more(topic, number)
        return found

    def all(self, topic: Topic) -> Iterator[Seen]:
        """Everything read so far on a topic, partition by partition."""
        for number in range(self.log.partitions(topic.name)):
            yield from self.records.get((topic.name, number), [])

    def facts(self, topic: Topic) -> Iterator[Published]:
        """Every fact read so far on a topic, refusals too."""
        return (seen.fact for seen in self.all(topic) if seen.fact is not None)

    def rows(self, topic: Topic) -> dict[tuple[int, str], bytes]:
        """The last row of every key of a compacted topic, by partition and key."""
        rows: dict[tuple[int, str], bytes] = {}
        for seen in self.all(topic):
            record = seen.record
            key = (record.partition, (record.key or b"").decode())
            if record.value is None:
                rows.pop(key, None)
            else:
                rows[key] = record.value
        return rows

    def _more(self, topic: Topic, number: int) -> list[Seen]:
        place = (topic.name, number)
        position = self._positions.get(place, 0)
        records, self._positions[place] = self.log.read(topic.name, number, position, READ_MAX)
        if not records:
            return []
        carries: Any = FACT_TOPICS.get(topic.name)
        found = [
            Seen(record, read_fact(carries, record.value or b"") if carries else None)
            for record in records
        ]
        self.records.setdefault(place, []).extend(found)
        return found
