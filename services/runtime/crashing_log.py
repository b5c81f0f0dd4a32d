"""A log that passes crash points around its calls; only a process asked to crash has one.

So a point beside each record, or each look at the group, costs nothing where nobody crashes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from schemas.topics import COMMAND_TOPICS, DEADLETTERS, REDEMPTION_BALANCES, TOPICS
from services.runtime.advance import PROGRESS
from services.runtime.crash import CrashPoints, Point
from services.runtime.ports import (
    Assigned,
    BatchDroppedError,
    Consumer,
    Log,
    Membership,
    OutcomeUnknownError,
    Producer,
    RowReader,
    Sender,
    TopicPartition,
)
from services.runtime.records import Record, Row, Staged

_PRODUCED: Final[Mapping[str, Point]] = {
    **{topic.name: Point.FACT_PRODUCED for topic in TOPICS},
    **{topic.name: Point.COMMAND_PRODUCED for topic in COMMAND_TOPICS},
    **{t.name: Point.REPLY_PRODUCED for t in TOPICS if t.name.endswith(".replies.v1")},
    **{t.name: Point.ROW_PRODUCED for t in TOPICS if t.name.endswith(".memory.v1")},
    REDEMPTION_BALANCES.name: Point.BALANCE_PRODUCED,
    DEADLETTERS.name: Point.DEAD_LETTER_PRODUCED,
}


class CrashingLog:
    """The log of a process that is to die at a point."""

    def __init__(self, log: Log, crash: CrashPoints) -> None:
        self._log = log
        self._crash = crash

    def consumer(self, group: str, topics: Sequence[str], instance: str) -> Consumer:
        """Join a group as a static member."""
        self._crash.at(Point.BEFORE_JOIN)
        return CrashingConsumer(self._log.consumer(group, topics, instance), self._crash)

    def producer(self, identity: str) -> Producer:
        """A producer of this transactional identity; the one before it is fenced."""
        self._crash.at(Point.BEFORE_PRODUCER)
        producer = CrashingProducer(self._log.producer(identity), self._crash)
        self._crash.at(Point.AFTER_PRODUCER)
        return producer

    def sender(self) -> Sender:
        """A producer outside any transaction; the worker has a point behind each record."""
        return self._log.sender()

    def reader(self) -> RowReader:
        """A reader outside any group."""
        return CrashingReader(self._log.reader(), self._crash)

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has; 0: there is no such topic."""
        return self._log.partitions(topic)


class CrashingConsumer:
    """A member of a group."""

    def __init__(self, consumer: Consumer, crash: CrashPoints) -> None:
        self._consumer = consumer
        self._crash = crash

    def poll(self, records_max: int, timeout: float) -> list[Record]:
        """What has come for partitions that are not paused; `timeout` in seconds."""
        records = self._consumer.poll(records_max, timeout)
        if records:
            self._crash.at(Point.POLLED)
        return records

    def changes(self) -> list[Membership]:
        """What changed in our assignment since the last call, oldest first."""
        changes = self._consumer.changes()
        for change in changes:
            assigned = isinstance(change, Assigned)
            self._crash.at(Point.ASSIGNED if assigned else Point.REVOKED)
        return changes

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The group's stable offsets; None: none yet."""
        self._crash.at(Point.BEFORE_COMMITTED)
        offsets = self._consumer.committed(partitions)
        self._crash.at(Point.AFTER_COMMITTED)
        return offsets

    def start_at(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset` and resume."""
        self._consumer.start_at(partition, offset)
        self._crash.at(Point.STARTED_AT)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Deliver nothing of these for now."""
        self._consumer.pause(partitions)

    def group_metadata(self) -> Any:
        """What proves our generation to the transaction."""
        return self._consumer.group_metadata()

    def confirm(self) -> None:
        """Is our name in the group still ours?"""
        self._consumer.confirm()

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


class CrashingProducer:
    """A transactional producer."""

    def __init__(self, producer: Producer, crash: CrashPoints) -> None:
        self._producer = producer
        self._crash = crash

    def begin(self) -> None:
        """Open a transaction."""
        self._producer.begin()

    def produce(self, staged: Staged) -> None:
        """Write a record in it."""
        self._producer.produce(staged)
        point = _PRODUCED[staged.topic]
        if point is Point.ROW_PRODUCED and (staged.key or b"").startswith(PROGRESS.encode()):
            point = Point.PROGRESS_PRODUCED
        self._crash.at(point)

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """Commit records and group offsets together."""
        try:
            self._producer.commit(offsets, metadata)
        except BatchDroppedError:
            self._crash.at(Point.BATCH_DROPPED)
            raise
        except OutcomeUnknownError:
            self._crash.at(Point.OUTCOME_UNKNOWN)
            raise

    def abandon(self) -> None:
        """Give the producer up; its open transaction never commits."""
        self._producer.abandon()
        self._crash.at(Point.PRODUCER_ABANDONED)


class CrashingReader:
    """Reads topics of state, committed records only."""

    def __init__(self, reader: RowReader, crash: CrashPoints) -> None:
        self._reader = reader
        self._crash = crash

    def end_in_doubt(self, topic: str, partition: int) -> int:
        """The end of a partition, including what is not decided yet."""
        end = self._reader.end_in_doubt(topic, partition)
        self._crash.at(Point.END_SEEN)
        return end

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """Committed records from `start`, and the position after them (past markers)."""
        found = self._reader.read(topic, partition, start, records_max)
        self._crash.at(Point.SLICE_READ)
        return found

    def rows(self, topic: str, partition: int, start: int, most: int) -> tuple[list[Row], int]:
        """As `read`, but only keys and values."""
        found = self._reader.rows(topic, partition, start, most)
        self._crash.at(Point.SLICE_READ)
        return found
