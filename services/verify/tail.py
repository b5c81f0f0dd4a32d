"""Everything that is committed on the topics, read on as it grows, in an order that can be trusted.

State is read first, then what was written with it, then what caused it: so whatever a progress row
speaks of is found, and whatever has a cause has it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from schemas.topics import (
    COMMAND_TOPICS,
    DEADLETTERS,
    ISSUANCE_EVENTS,
    ISSUANCE_MEMORY,
    ISSUANCE_REPLIES,
    LEDGER_JOURNALS,
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    REDEMPTION_BALANCES,
    REDEMPTION_EVENTS,
    REDEMPTION_MEMORY,
    REDEMPTION_REPLIES,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
    SETTLEMENT_MEMORY,
    Topic,
)
from services.runtime.kafka_log import KafkaLog
from services.runtime.ports import Log, TopicPartition
from services.runtime.records import Record
from services.runtime.slices import slices
from services.verify.bulk import BulkReader

# A consequence is read before its cause.
STAGES: Final[tuple[tuple[Topic, ...], ...]] = (
    (
        LEDGER_MEMORY,
        SETTLEMENT_MEMORY,
        REDEMPTION_MEMORY,
        ISSUANCE_MEMORY,
        REDEMPTION_BALANCES,
    ),
    (LEDGER_JOURNALS,),
    (SETTLEMENT_ITEMS, SETTLEMENT_BATCHES, LEDGER_OPERATIONS),
    (REDEMPTION_EVENTS, ISSUANCE_EVENTS, ISSUANCE_REPLIES, REDEMPTION_REPLIES, DEADLETTERS),
    COMMAND_TOPICS,
)
EVERYTHING: Final = tuple(topic for stage in STAGES for topic in stage)


class Tail:
    """Keeps every committed record of the topics it has read, by partition, in log order."""

    def __init__(self, log: Log) -> None:
        self._reader = log.reader()
        self._bulk = BulkReader(log) if isinstance(log, KafkaLog) else None
        self._partitions = {topic.name: log.partitions(topic.name) for topic in EVERYTHING}
        self._records: dict[TopicPartition, list[Record]] = {}
        self._positions: dict[TopicPartition, int] = {}

    def read_on(self, topics: Collection[Topic] = EVERYTHING) -> int:
        """Read what has come since; how many records that were."""
        return sum(self._read([t for t in stage if t in topics]) for stage in STAGES)

    def numbers(self, topic: Topic) -> range:
        """The partitions of a topic."""
        return range(self._partitions[topic.name])

    def of(self, topic: Topic, number: int) -> list[Record]:
        """The records of a partition so far."""
        return self._records.setdefault((topic.name, number), [])

    def records(self, topic: Topic) -> Iterator[Record]:
        """The records of a topic so far, partition by partition."""
        for number in self.numbers(topic):
            yield from self.of(topic, number)

    def next_offset(self, topic: Topic, number: int) -> int:
        """The offset after the last record (not: after the markers of transactions)."""
        records = self.of(topic, number)
        return records[-1].offset + 1 if records else 0

    def ends(self, topics: Iterable[Topic]) -> dict[TopicPartition, int]:
        """`next_offset` of every partition of these topics."""
        return {
            (topic.name, number): self.next_offset(topic, number)
            for topic in topics
            for number in self.numbers(topic)
        }

    def latest(self, topic: Topic, number: int) -> dict[str, bytes]:
        """The newest value of each key of a partition, without those that were deleted."""
        rows: dict[str, bytes] = {}
        for record in self.of(topic, number):
            key = (record.key or b"").decode()
            if record.value is None:
                rows.pop(key, None)
            else:
                rows[key] = record.value
        return rows

    def _read(self, topics: Sequence[Topic]) -> int:
        places = [(topic.name, number) for topic in topics for number in self.numbers(topic)]
        ends = {place: self._reader.end_in_doubt(*place) for place in places}
        starts = {
            p: self._positions.get(p, 0) for p in places if self._positions.get(p, 0) < ends[p]
        }
        if not starts:
            return 0
        if self._bulk is not None:
            found, positions = self._bulk.read(starts, ends)
        else:
            found, positions = self._one_by_one(starts, ends)
        for place, records in found.items():
            self._records.setdefault(place, []).extend(records)
        self._positions |= positions
        return sum(len(records) for records in found.values())

    def _one_by_one(
        self, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> tuple[dict[TopicPartition, list[Record]], dict[TopicPartition, int]]:
        found: dict[TopicPartition, list[Record]] = {}
        positions = dict(starts)
        for place, start in starts.items():
            found[place] = []
            for records, position in slices(self._reader, *place, start, ends[place]):
                found[place] += records
                positions[place] = position
        return found, positions
