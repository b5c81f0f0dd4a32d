"""Everything that is committed on the topics, read on as it grows, in an order that can be trusted.

State is read first, then what was written with it, then what caused it: so whatever a progress row
speaks of is found, and whatever has a cause has it.
"""

from collections.abc import Iterable, Iterator
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
from services.runtime.ports import Log, TopicPartition
from services.runtime.records import Record

READ_MAX: Final = 20_000
# A consequence stands before its cause.
READING_ORDER: Final[tuple[Topic, ...]] = (
    LEDGER_MEMORY,
    SETTLEMENT_MEMORY,
    REDEMPTION_MEMORY,
    ISSUANCE_MEMORY,
    REDEMPTION_BALANCES,
    LEDGER_JOURNALS,
    SETTLEMENT_ITEMS,
    SETTLEMENT_BATCHES,
    LEDGER_OPERATIONS,
    REDEMPTION_EVENTS,
    ISSUANCE_EVENTS,
    ISSUANCE_REPLIES,
    REDEMPTION_REPLIES,
    DEADLETTERS,
    *COMMAND_TOPICS,
)


class Tail:
    """Keeps every committed record of the topics it has read, by partition, in log order."""

    def __init__(self, log: Log) -> None:
        self._reader = log.reader()
        self._partitions = {topic.name: log.partitions(topic.name) for topic in READING_ORDER}
        self._records: dict[TopicPartition, list[Record]] = {}
        self._positions: dict[TopicPartition, int] = {}

    def read_on(self, topics: Iterable[Topic] = READING_ORDER) -> int:
        """Read what has come since; how many records that were."""
        return sum(self._read(topic, number) for topic in topics for number in self.numbers(topic))

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

    def _read(self, topic: Topic, number: int) -> int:
        name = (topic.name, number)
        kept = self._records.setdefault(name, [])
        before, position = len(kept), self._positions.get(name, 0)
        end = self._reader.end_in_doubt(*name)
        while position < end:
            records, after = self._reader.read(*name, position, READ_MAX)
            kept += records
            if after == position:
                break
            position = after
        self._positions[name] = position
        return len(kept) - before
