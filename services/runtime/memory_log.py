"""A broker in memory with transactions, groups and markers: for stories and simulation.

It passes the same contract tests as Kafka (tests/contract/test_log.py). Records of an open
transaction are in doubt: `read_committed` readers stop before the first of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from schemas.topics import POLICY, TOPICS
from services.runtime.murmur2 import partition_of
from services.runtime.ports import (
    Assigned,
    BatchDroppedError,
    FencedError,
    Membership,
    Revoked,
    TopicPartition,
)
from services.runtime.records import Marked, Record, Row, Staged

NAMES: Final = frozenset(topic.name for topic in TOPICS)


@dataclass(slots=True)
class Transaction:
    """One transaction of one producer."""

    state: Literal["open", "committed", "aborted"] = "open"
    touched: dict[TopicPartition, None] = field(default_factory=dict)


@dataclass(slots=True)
class Slot:
    """One offset: a record, or (record None) a marker that ends a transaction."""

    record: Record | None
    transaction: Transaction | None


@dataclass(slots=True)
class Group:
    """A consumer group: offsets, members in order of joining, the generation."""

    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    pending: dict[TopicPartition, Transaction] = field(default_factory=dict)
    members: list["MemoryConsumer"] = field(default_factory=list)
    generation: int = 0


class MemoryLog:
    """Topics of `partitions` partitions each (the policy topic has one)."""

    def __init__(self, partitions: int) -> None:
        self._count = partitions
        self._slots: dict[TopicPartition, list[Slot]] = {
            (t.name, number): [] for t in TOPICS for number in range(self.partitions(t.name))
        }
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}
        self.groups: dict[str, Group] = {}

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has; 0: there is no such topic."""
        if topic not in NAMES:
            return 0
        return 1 if topic == POLICY.name else self._count

    def append(self, staged: Staged, transaction: Transaction | None = None) -> Record:
        """Write a record, in a transaction or at once."""
        number = staged.partition
        if number is None:
            assert staged.key is not None
            number = partition_of(staged.key, self.partitions(staged.topic))
        slots = self._slots[staged.topic, number]
        told = (staged.timestamp, staged.key, staged.value, staged.headers)
        record = Record(staged.topic, number, len(slots), *told)
        slots.append(Slot(record, transaction))
        if isinstance(staged, Marked):
            staged.offset = record.offset
        return record

    def end_in_doubt(self, topic: str, partition: int) -> int:
        """The end of a partition, including what is not decided yet."""
        return len(self._slots[topic, partition])

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """Committed records from `start`, and the position after them (past markers)."""
        slots = self._slots[topic, partition]
        found: list[Record] = []
        position = start
        while position < len(slots) and len(found) < records_max:
            slot = slots[position]
            state = "committed" if slot.transaction is None else slot.transaction.state
            if state == "open":
                break
            if state == "committed" and slot.record is not None:
                found.append(slot.record)
            position += 1
        return found, position

    def rows(self, topic: str, partition: int, start: int, most: int) -> tuple[list[Row], int]:
        """As `read`, but only keys and values."""
        records, after = self.read(topic, partition, start, most)
        return [(record.key, record.value) for record in records], after

    def consumer(self, group: str, topics: Sequence[str], instance: str) -> "MemoryConsumer":
        """Join a group as a static member; a member of the same name is replaced."""
        known = self.groups.setdefault(group, Group())
        for member in list(known.members):
            if member.instance == instance:
                known.members.remove(member)
                member.lose()
        joined = MemoryConsumer(self, known, topics, instance)
        known.members.append(joined)
        self.rebalance(group)
        return joined

    def rebalance(self, group: str) -> None:
        """Deal the partitions out anew; a new generation begins."""
        known = self.groups[group]
        known.generation += 1
        deal: dict[int, list[TopicPartition]] = {i: [] for i in range(len(known.members))}
        topics = sorted({topic for member in known.members for topic in member.topics})
        for topic in topics:
            for number in range(self.partitions(topic)):
                if deal:
                    deal[number % len(deal)].append((topic, number))
        for i, member in enumerate(known.members):
            member.assign(deal[i])

    def producer(self, identity: str) -> "MemoryProducer":
        """A producer of this identity; the open transaction of the one before is aborted."""
        self._epochs[identity] = self._epochs.get(identity, 0) + 1
        old = self._open.pop(identity, None)
        if old is not None:
            self.end_transaction(old, "aborted")
        return MemoryProducer(self, identity, self._epochs[identity])

    def sender(self) -> "MemoryLog":
        """A producer outside any transaction: the log itself."""
        return self

    def send(self, staged: Staged) -> None:
        """Write a record at once."""
        self.append(staged)

    def reader(self) -> "MemoryLog":
        """A reader outside any group: the log itself."""
        return self

    def check_epoch(self, identity: str, epoch: int) -> None:
        """FencedError for a producer that was replaced."""
        if self._epochs[identity] != epoch:
            raise FencedError(identity)

    def open_transaction(self, identity: str) -> Transaction:
        """Begin."""
        transaction = Transaction()
        self._open[identity] = transaction
        return transaction

    def commit_transaction(
        self, identity: str, offsets: Mapping[TopicPartition, int], metadata: Any
    ) -> None:
        """Commit with group offsets, unless the group has moved on."""
        transaction = self._open.pop(identity)
        if metadata is not None:
            name, generation, instance = metadata
            group = self.groups[name]
            live = any(member.instance == instance for member in group.members)
            if generation != group.generation or not live:
                self.end_transaction(transaction, "aborted")
                raise BatchDroppedError("illegal generation")
            group.offsets.update(offsets)
        self.end_transaction(transaction, "committed")

    def end_transaction(
        self, transaction: Transaction, state: Literal["committed", "aborted"]
    ) -> None:
        """Decide it, and leave a marker on every partition it touched."""
        transaction.state = state
        for name in transaction.touched:
            self._slots[name].append(Slot(None, None))


class MemoryConsumer:
    """A member of a group."""

    def __init__(self, log: MemoryLog, group: Group, topics: Sequence[str], instance: str) -> None:
        self.topics = tuple(topics)
        self.instance = instance
        self._log = log
        self._group = group
        self._positions: dict[TopicPartition, int] = {}
        self._paused: dict[TopicPartition, None] = {}
        self._changes: list[Membership] = []

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """The group has dealt: what is new, what is gone."""
        gone = tuple(name for name in self._positions if name not in partitions)
        new = tuple(name for name in partitions if name not in self._positions)
        for name in gone:
            del self._positions[name]
            self._paused.pop(name, None)
        for name in new:
            self._positions[name] = self._group.offsets.get(name, 0)
        if gone:
            self._changes.append(Revoked(gone))
        if new:
            self._changes.append(Assigned(new))

    def lose(self) -> None:
        """Replaced: everything is gone."""
        self.assign([])

    def poll(self, records_max: int, timeout: float) -> list[Record]:
        """What has come for partitions that are not paused."""
        found: list[Record] = []
        for name in self._positions:
            if name in self._paused:
                continue
            left = records_max - len(found)
            if left <= 0:
                break
            records, after = self._log.read(*name, self._positions[name], left)
            self._positions[name] = after
            found.extend(records)
        return found

    def changes(self) -> list[Membership]:
        """What changed in our assignment since the last call."""
        changes, self._changes = self._changes, []
        return changes

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The group's offsets."""
        return {name: self._group.offsets.get(name) for name in partitions}

    def start_at(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset` and resume."""
        if partition in self._positions:
            self._positions[partition] = offset
            self._paused.pop(partition, None)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Deliver nothing of these for now."""
        for name in partitions:
            self._paused[name] = None

    def group_metadata(self) -> Any:
        """Group, generation and member, as they are now."""
        name = next(n for n, group in self._log.groups.items() if group is self._group)
        return (name, self._group.generation, self.instance)

    def confirm(self) -> None:
        """Is our name in the group still ours?"""
        if any(m.instance == self.instance and m is not self for m in self._group.members):
            raise FencedError(self.instance)

    def close(self) -> None:
        """Leave the group."""
        if self in self._group.members:
            self._group.members.remove(self)
            self._log.rebalance(self.group_metadata()[0])


class MemoryProducer:
    """A transactional producer."""

    def __init__(self, log: MemoryLog, identity: str, epoch: int) -> None:
        self._log = log
        self._identity = identity
        self._epoch = epoch
        self._transaction: Transaction | None = None

    def begin(self) -> None:
        """Open a transaction."""
        self._log.check_epoch(self._identity, self._epoch)
        self._transaction = self._log.open_transaction(self._identity)

    def produce(self, staged: Staged) -> None:
        """Write a record in it."""
        self._log.check_epoch(self._identity, self._epoch)
        assert self._transaction is not None
        record = self._log.append(staged, self._transaction)
        self._transaction.touched[record.topic, record.partition] = None

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """Commit records and group offsets together."""
        self._log.check_epoch(self._identity, self._epoch)
        self._transaction = None
        self._log.commit_transaction(self._identity, offsets, metadata)

    def abandon(self) -> None:
        """Given up: the next producer of this identity ends what is open."""
        self._transaction = None
