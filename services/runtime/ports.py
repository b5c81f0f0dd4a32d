"""The ports of the runner: what a log, a clock and a store must do, real or simulated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.runtime.records import Record, Row, Staged
from services.runtime.timeline import Timeline

TopicPartition = tuple[str, int]


class OutcomeUnknownError(Exception):
    """The log did not say whether the transaction is in. Ask it with a new producer."""


class BatchDroppedError(Exception):
    """The transaction did not happen (aborted, or the group moved on). Read the batch again."""


class RecordRefusedError(BatchDroppedError):
    """The log does not take a record as it is, however often; the message says what helps."""


class NotStableYetError(Exception):
    """A transaction still holds the group's offset (or Kafka is away). Ask again soon."""


class FencedError(Exception):
    """Another process has this worker's identity now. Stop; it goes on where we were."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """These partitions are ours from now on; they are paused until restored."""

    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class Revoked:
    """These partitions are no longer ours; nothing of them may be committed any more."""

    partitions: tuple[TopicPartition, ...]


Membership = Assigned | Revoked


class Consumer(Protocol):
    """A member of a group, reading committed records; topics without namespace."""

    def poll(self, records_max: int, timeout: float) -> list[Record]:
        """What has come for partitions that are not paused; `timeout` in seconds."""
        ...

    def changes(self) -> list[Membership]:
        """What changed in our assignment since the last call, oldest first."""
        ...

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The group's stable offsets (waits while a transaction holds one); None: none yet."""
        ...

    def start_at(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset` and resume."""
        ...

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Deliver nothing of these for now."""
        ...

    def group_metadata(self) -> Any:
        """What proves our generation to the transaction."""
        ...

    def confirm(self) -> None:
        """Is our name in the group still ours? FencedError if another process has it."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class Producer(Protocol):
    """A transactional producer; at most one per identity lives."""

    def begin(self) -> None:
        """Open a transaction."""
        ...

    def produce(self, staged: Staged) -> None:
        """Write a record in it; of one that is Marked the offset is told by the commit."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """Commit records and group offsets together.

        Raises OutcomeUnknownError, BatchDroppedError (nothing happened) or FencedError.
        """
        ...

    def abandon(self) -> None:
        """Give the producer up; its open transaction never commits."""
        ...


class Sender(Protocol):
    """Writes outside any transaction what may get lost, and may come twice or late."""

    def send(self, staged: Staged) -> None:
        """Write a record to its partition, soon or not at all: nobody is told which."""
        ...


class StateReader(Protocol):
    """Reads topics of state, committed records only."""

    def end_in_doubt(self, topic: str, partition: int) -> int:
        """The end of a partition, including what is not decided yet."""
        ...

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """Committed records from `start`, and the position after them (past markers).

        A position that stands still says that nothing came in time or that what follows is in
        doubt, never that the partition ends: only `end_in_doubt` says that.
        """
        ...


class RowReader(StateReader, Protocol):
    """Reads what stores are restored from."""

    def rows(self, topic: str, partition: int, start: int, most: int) -> tuple[list[Row], int]:
        """As `read`, but only keys and values: there are millions of them in a restore."""
        ...


class Log(Protocol):
    """A broker."""

    def consumer(self, group: str, topics: Sequence[str], instance: str) -> Consumer:
        """Join a group as a static member."""
        ...

    def producer(self, identity: str) -> Producer:
        """A producer of this transactional identity; the one before it is fenced."""
        ...

    def sender(self) -> Sender:
        """A producer outside any transaction."""
        ...

    def reader(self) -> RowReader:
        """A reader outside any group."""
        ...

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has; 0: there is no such topic."""
        ...


class Clock(Protocol):
    """What time it is for sweeps and for stores (never for decisions: those take the log's)."""

    def now(self) -> int:
        """Milliseconds since 1970 UTC; in a story, the story's."""
        ...

    def wall(self) -> int:
        """Milliseconds since 1970 UTC by this machine, whose time brokers compact topics by."""
        ...

    def reached(self, now: int) -> None:
        """A partition's time has come to `now` (moves a story's clock only)."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What a store's rows are good for: at least what was before `offsets` on the state topics.

    Rows may be newer than that, for reading on from there ends in the same rows. `progress` is
    the progress row that belongs to them. What the rows lack was written after `known_until` (ms
    UTC, by the clock of the machine that wrote them; 0: nobody knows).
    """

    offsets: Mapping[str, int]
    progress: bytes
    known_until: int = 0


class Store(Protocol):
    """The rows of one partition, as bytes; never ahead of the log's commit.

    `dues` and `forgettings` are kept with the rows: what was added to them is written by the next
    `apply` or `restore`.
    """

    dues: Timeline
    forgettings: Timeline

    def get(self, key: str) -> bytes | None:
        """The row, or None."""
        ...

    def apply(
        self,
        rows: Iterable[tuple[str, bytes | None]],
        standing: Standing,
    ) -> None:
        """Take over the rows of a committed batch and where it ended, all or nothing.

        None deletes. A topic without an offset in `standing` stays where it was.
        """
        ...

    def restore(self, rows: Iterable[tuple[str, bytes | None]]) -> None:
        """Take over rows read from the log; they count once the end is `reached`."""
        ...

    def reached(self, standing: Standing) -> None:
        """All is restored up to here."""
        ...

    def standing(self) -> Standing | None:
        """Where a restore may begin; None: from nothing."""
        ...

    def scan(self) -> Iterable[tuple[str, bytes]]:
        """Every row (progress is none)."""
        ...

    def clear(self, cause: str) -> None:
        """Throw everything away, said aloud: the log has it all."""
        ...

    def close(self) -> None:
        """Give the store's resources back; it can be opened again."""
        ...
