"""One held partition: its rows, its progress, what falls due, and how far it is restored."""

from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.topics import Topic
from services.runtime.advance import PROGRESS, Progress, progress_key, read_progress
from services.runtime.agenda import Agenda
from services.runtime.ports import StateReader, Store, TopicPartition
from services.runtime.rowcodec import ANSWER, kind_of
from services.runtime.staging import RowCodec, Staging

READ_MAX = 20_000
# Each wait is a second or so on Kafka, and a transaction in doubt ends within six.
DOUBT_WAITS_MAX = 10

Phase = Literal["restoring", "ready", "waiting", "lost"]


class ProgressTornError(Exception):
    """Group offset and progress row disagree. Restore the state topic, then start again."""


@dataclass(slots=True)
class Restoring:
    """A state topic being read: from `position` to `end`."""

    topic: Topic
    position: int
    end: int


@dataclass(slots=True)
class Partition:
    """`waiting`: for a policy; nothing is decided meanwhile. `memory_seen`: how far we know it."""

    input_topic: Topic
    number: int
    store: Store
    memory: Topic
    agenda: Agenda | None
    progress: Progress = field(default_factory=Progress)
    phase: Phase = "restoring"
    restoring: list[Restoring] = field(default_factory=list)
    memory_seen: int = 0
    found_progress: bool = False
    committed: int | None = None

    @property
    def key(self) -> TopicPartition:
        """Topic and number."""
        return (self.input_topic.name, self.number)

    def begin_restore(self, reader: StateReader, topics: tuple[Topic, ...]) -> None:
        """Note the ends to reach, including what is still in doubt there."""
        self.restoring = [
            Restoring(topic, 0, reader.end_in_doubt(topic.name, self.number)) for topic in topics
        ]

    def restore_slice(self, reader: StateReader, codec: RowCodec) -> bool:
        """Read one slice; True when everything has been read."""
        for part in self.restoring:
            if part.position < part.end:
                records, after = reader.read(part.topic.name, self.number, part.position, READ_MAX)
                part.position = after
                self._take([(r.key, r.value) for r in records], codec)
                if part.position < part.end:
                    return False
        self.memory_seen = next(
            (part.position for part in self.restoring if part.topic == self.memory), 0
        )
        return True

    def _take(self, rows: list[tuple[bytes | None, bytes | None]], codec: RowCodec) -> None:
        taken: list[tuple[str, bytes | None]] = []
        for raw_key, value in rows:
            key = (raw_key or b"").decode()
            if key.startswith(PROGRESS):
                if key == progress_key(self.input_topic.name) and value is not None:
                    self.progress = read_progress(value)
                    self.found_progress = True
            elif self.agenda is not None:
                taken.append((key, value))
        self.store.apply(taken)
        if self.agenda is not None:
            self.agenda.take([(key, decoded(key, value, codec)) for key, value in taken])

    def check_offset(self, committed: int | None) -> None:
        """The progress row is the truth; a group offset that differs from it stops us."""
        if committed is None:
            return
        if not self.found_progress or committed != self.progress.next:
            row = self.progress.next if self.found_progress else "none"
            name = f"{self.input_topic.name}/{self.number}"
            raise ProgressTornError(f"{name}: group offset {committed}, progress row {row}")

    def apply(self, staging: Staging) -> None:
        """The staged batch is in the log: now it is true here."""
        rows = staging.committed_rows()
        self.store.apply(rows)
        if self.agenda is not None:
            self.agenda.take([(key, staging.rows[key]) for key, _ in rows])
        self.progress = staging.progress
        self.found_progress = True

    def is_in(self, staging: Staging, reader: StateReader) -> bool | None:
        """After an unknown outcome: did the batch get in? Ask the progress row in the log.

        None: somebody else has gone on from here, so what we hold is stale; or it cannot be told,
        because another writer's transaction stays open before ours. Then restore.
        """
        end = reader.end_in_doubt(self.memory.name, self.number)
        latest = self.progress
        key = progress_key(self.input_topic.name).encode()
        waits = 0
        while self.memory_seen < end:
            if waits > DOUBT_WAITS_MAX:
                return None
            records, after = reader.read(self.memory.name, self.number, self.memory_seen, READ_MAX)
            for record in records:
                if record.key == key and record.value is not None:
                    latest = read_progress(record.value)
            waits = waits + 1 if after == self.memory_seen else 0
            self.memory_seen = after
        if latest.next == staging.progress.next:
            return True
        return False if latest.next == self.progress.next else None


def decoded(key: str, value: bytes | None, codec: RowCodec) -> Any:
    """The row for the agenda: answers stay bytes."""
    if value is None or kind_of(key) == ANSWER:
        return value
    return codec.read(key, value)
