"""The log as one process has it: each call of a port may be where things go wrong."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.runtime.memory_log import Group, MemoryConsumer, Transaction
from services.runtime.ports import (
    BatchDroppedError,
    FencedError,
    Membership,
    NotStableYetError,
    OutcomeUnknownError,
    TopicPartition,
)
from services.runtime.records import Record, Row, Staged
from tests.simulation.faults import (
    DROP,
    FORGOTTEN,
    FREEZE_AFTER,
    KILL_AFTER,
    NOT_SENT,
    SENT_LATE,
    SENT_TWICE,
    SLOW,
    UNKNOWN_IN,
    UNKNOWN_OUT,
    UNSTABLE,
    Deed,
    Faults,
    Killed,
)
from tests.simulation.faulty_log import FaultyLog


class Seat:
    """The log as one process has it."""

    def __init__(self, log: FaultyLog, faults: Faults, process: str) -> None:
        self.log = log
        self.members: list[tuple[str, FaultyConsumer]] = []
        self.doubtful = False
        self._batch: list[Deed] = []
        self._faults = faults
        self._process = process

    def at(self, boundary: str) -> str | None:
        """Pass a boundary (also the runner's named crash points)."""
        fault = self._faults.at(self._process, boundary, self._batch)
        if fault == FORGOTTEN:
            self.doubtful = True
        return fault

    def decided(self, type: str, state: str, outcome: str) -> None:
        """A decision of the batch that is being made."""
        self._batch.append((type, state))
        self._faults.decisions[type, state, outcome] += 1

    def freeze(self) -> None:
        """Stand still while the world goes on."""
        self._faults.freeze(self._process)

    def consumer(self, group: str, topics: Sequence[str], instance: str) -> "FaultyConsumer":
        """Join a group as a static member."""
        self.at("join")
        self.log.groups.setdefault(group, Group())
        joined = FaultyConsumer(self, group, topics, instance)
        self.members.append((group, joined))
        self.log.join(group, joined)
        return joined

    def producer(self, identity: str) -> "FaultyProducer":
        """A producer; the open transaction of the one before is aborted."""
        self.at("producer")
        self.log.producer(identity)
        return FaultyProducer(self, identity, self.log._epochs[identity])

    def sender(self) -> "FaultySender":
        """A producer outside any transaction."""
        return FaultySender(self)

    def reader(self) -> "FaultyReader":
        """A reader outside any group."""
        return FaultyReader(self)

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        return self.log.partitions(topic)


class CrashAtSeat:
    """The runner's named crash points are boundaries too."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    def at(self, point: str) -> None:
        """Pass a named point."""
        self._seat.at(point)


class FaultySender:
    """Writes outside any transaction: it may get lost, come late, or once more later."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    def send(self, staged: Staged) -> None:
        """Write a record, or what the network makes of it."""
        fault = self._seat.at("send")
        if fault in (SENT_LATE, SENT_TWICE):
            self._seat.log.under_way.append(staged)
        if fault not in (NOT_SENT, SENT_LATE):
            self._seat.log.append(staged)


class FaultyReader:
    """Reads in slices of any size."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    def end_in_doubt(self, topic: str, partition: int) -> int:
        """The end of a partition, including what is not decided yet."""
        self._seat.at("end")
        return self._seat.log.end_in_doubt(topic, partition)

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """Committed records from `start`, and the position after them."""
        if self._seat.at("read") == SLOW:
            return [], start
        log = self._seat.log
        if not log.calm and log.chance.random() < 0.5:
            records_max = min(records_max, log.chance.randrange(1, 12))
        records, after = log.read(topic, partition, start, records_max)
        log.waited(topic, partition, stands=after == start)
        return records, after

    def rows(self, topic: str, partition: int, start: int, most: int) -> tuple[list[Row], int]:
        """As `read`, but only keys and values."""
        records, after = self.read(topic, partition, start, most)
        return [(record.key, record.value) for record in records], after


class FaultyConsumer(MemoryConsumer):
    """A member of a group; what the group decided reaches it when it polls."""

    def __init__(self, seat: Seat, group: str, topics: Sequence[str], instance: str) -> None:
        super().__init__(seat.log, seat.log.groups[group], topics, instance)
        self._seat = seat
        self._name = group
        self._generation = 0
        self._told: list[Membership] = []

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """New partitions are paused at once, as the callbacks of Kafka's client do it."""
        before = set(self._positions)
        super().assign(partitions)
        self.pause(name for name in partitions if name not in before)

    def poll(self, records_max: int, timeout: float) -> list[Record]:
        """Hear of the group, then read; one that was put out joins again."""
        self._seat._batch.clear()
        self._seat.log.arrive()
        self._seat.at("poll")
        if self in self._seat.log.replaced:
            raise FencedError(self.instance)
        if self not in self._group.members:
            self._group.members.append(self)
            self._seat.log.rebalance(self._name)
        changes, self._changes = self._changes, []
        self._told += changes
        if not self._seat.log.calm and self._seat.log.chance.random() < 0.7:
            records_max = min(records_max, self._seat.log.chance.randrange(1, 12))
        records = super().poll(records_max, timeout)
        if records:
            self._seat.at("polled")
        return records

    def changes(self) -> list[Membership]:
        """What the last poll brought."""
        self._seat.at("changes")
        told, self._told = self._told, []
        return told

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The group's offsets, once no transaction holds one."""
        if self._seat.at("committed") == UNSTABLE:
            raise NotStableYetError("the broker did not answer in time")
        for name in partitions:
            pending = self._group.pending.get(name)
            if pending is not None and pending.state == "open":
                raise NotStableYetError(f"{name} is in a transaction")
        return super().committed(partitions)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Deliver nothing of these, where they are still ours."""
        super().pause(name for name in partitions if name in self._positions)

    def group_metadata(self) -> Any:
        """Group, generation and member; one that was put out knows only its last generation."""
        if self in self._group.members:
            self._generation = self._group.generation
        told = (self._name, self._generation, self)
        self._seat.at("metadata")
        return told

    def close(self) -> None:
        """Leave the group."""
        if self in self._group.members:
            self._group.members.remove(self)
            self._seat.log.rebalance(self._name)


class FaultyProducer:
    """A transactional producer; being replaced shows in one of the ways Kafka's client has."""

    def __init__(self, seat: Seat, identity: str, epoch: int) -> None:
        self._seat = seat
        self._log = seat.log
        self._identity = identity
        self._epoch = epoch
        self._transaction: Transaction | None = None

    def begin(self) -> None:
        """Open a transaction."""
        if self._seat.at("begin") == DROP or self._fenced():
            raise BatchDroppedError("could not begin")
        self._transaction = self._log.open_transaction(self._identity)

    def produce(self, staged: Staged) -> None:
        """Write a record in it; of a producer that was replaced nothing arrives."""
        if self._seat.at("produce") == DROP:
            raise BatchDroppedError("could not write")
        if self._fenced():
            return
        assert self._transaction is not None
        record = self._log.append(staged, self._transaction)
        self._transaction.touched[record.topic, record.partition] = None

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """First the offsets, then the end of the transaction: two requests, two chances."""
        fault = self._seat.at("send_offsets")
        if fault == DROP or self._fenced():
            raise BatchDroppedError("offsets were not taken")
        assert self._transaction is not None
        if offsets and metadata is not None:
            self._log.send_offsets(self._transaction, offsets, metadata)
        fault = self._seat.at("commit")
        if self._fenced():
            errors = (FencedError, BatchDroppedError, OutcomeUnknownError)
            raise self._log.chance.choice(errors)(self._identity)
        if fault == DROP:
            raise BatchDroppedError("aborted")
        if fault == UNKNOWN_OUT:
            raise OutcomeUnknownError("the request was lost")
        self._log.end(self._identity, offsets, metadata)
        self._transaction = None
        if fault == UNKNOWN_IN:
            raise OutcomeUnknownError("the answer was lost")
        if fault == KILL_AFTER:
            raise Killed(self._identity)
        if fault == FREEZE_AFTER:
            self._seat.freeze()

    def abandon(self) -> None:
        """Given up: the next producer of this identity ends what is open."""
        self._transaction = None

    def _fenced(self) -> bool:
        return self._log._epochs[self._identity] != self._epoch
