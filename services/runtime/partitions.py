"""One held partition: its rows, its progress, what falls due, and how far it is restored."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field
from typing import Literal

from schemas.topics import Topic
from services.runtime.advance import PROGRESS, Progress, progress_key, read_progress
from services.runtime.agenda import Agenda
from services.runtime.bounds import Bounds
from services.runtime.kept import Kept
from services.runtime.ports import (
    Clock,
    NotStableYetError,
    RowReader,
    Standing,
    StateReader,
    Store,
    TopicPartition,
)
from services.runtime.records import Row
from services.runtime.staging import Staging
from services.runtime.standing import disbelieved, lacks_something, read_too_long

READ_MAX = 20_000
# Each wait is a second or so on Kafka, and a transaction in doubt ends within six.
DOUBT_WAITS_MAX = 10

Phase = Literal["restoring", "ready", "waiting", "lost"]


class ProgressTornError(Exception):
    """Group offset and progress row disagree. Restore the state topic, then start again."""


class RestoredTooLateError(Exception):
    """What was deleted since reading began may be forgotten. Restore once more, from nothing."""


@contextmanager
def _uncollected() -> Iterator[None]:
    """A slice's records end with it; looking through them and all rows would cost a quarter."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@dataclass(slots=True)
class Restoring:
    """A state topic being read: from `position` to `end`."""

    topic: Topic
    position: int
    end: int


@dataclass(slots=True)
class Partition:
    """`waiting`: for a policy; nothing is decided meanwhile. `memory_seen`: how far we know it.

    A restore `began` (ms UTC by this machine) from what was `known_until` then.
    """

    input_topic: Topic
    number: int
    store: Store
    memory: Topic
    clock: Clock
    bounds: InitVar[Bounds | None]
    agenda: Agenda | None = field(init=False, default=None)
    kept: Kept = field(init=False, default_factory=Kept)
    progress: Progress = field(default_factory=Progress)
    phase: Phase = "restoring"
    restoring: list[Restoring] = field(default_factory=list)
    memory_seen: int = 0
    found_progress: bool = False
    committed: int | None = None
    warm: bool = False
    began: int = 0
    known_until: int = 0

    def __post_init__(self, bounds: Bounds | None) -> None:
        if bounds is not None:
            self.agenda = Agenda(bounds, self.store, self.kept)

    @property
    def key(self) -> TopicPartition:
        """Topic and number."""
        return (self.input_topic.name, self.number)

    def begin_restore(self, reader: StateReader, topics: tuple[Topic, ...]) -> None:
        """Note the ends to reach, including what is still in doubt there.

        Raises NotStableYetError while the log does not show what a store is compared with.
        """
        self.began = self.clock.wall()
        ends = {topic.name: reader.end_in_doubt(topic.name, self.number) for topic in topics}
        standing = self.store.standing()
        if standing is not None:
            cause = self._unusable(standing, ends, reader)
            if cause is not None:
                self.store.clear(cause)
                standing = None
        self.warm = standing is not None
        behind = standing is not None and lacks_something(standing, ends)
        self.known_until = standing.known_until if standing and behind else self.began
        if standing is not None and standing.progress:
            self.progress = read_progress(standing.progress)
            self.found_progress = True
        offsets = {} if standing is None else standing.offsets
        self.restoring = [
            Restoring(topic, offsets.get(topic.name, 0), ends[topic.name]) for topic in topics
        ]

    def _unusable(
        self, standing: Standing, ends: dict[str, int], reader: StateReader
    ) -> str | None:
        """Why this store cannot be what the log says, if so."""
        for name, offset in standing.offsets.items():
            if offset > ends.get(name, 0):
                return f"ahead of the log: {name} ends at {ends.get(name, 0)}, not at {offset}"
        if (cause := disbelieved(standing, ends, self.began)) is not None:
            return cause
        last = standing.offsets.get(self.memory.name, 0) - 1
        if last >= 0:
            key = progress_key(self.input_topic.name).encode()
            records, after = reader.read(self.memory.name, self.number, last, 1)
            if after == last:
                raise NotStableYetError(f"nothing came of {self.memory.name} at {last}")
            for record in records:
                here = record.offset == last and record.key == key
                if here and record.value != standing.progress:
                    return f"{self.memory.name} has another row at {last}"
        return None

    def restore_slice(self, reader: RowReader) -> bool:
        """Read one slice; True when everything has been read.

        Raises RestoredTooLateError.
        """
        for part in self.restoring:
            if part.position < part.end:
                with _uncollected():
                    self._read_slice(reader, part)
                if part.position < part.end:
                    return False
        self._check_in_time()
        offsets = {part.topic.name: part.position for part in self.restoring}
        self.memory_seen = offsets.get(self.memory.name, 0)
        progress = self.progress.encode() if self.found_progress else b""
        self.store.reached(Standing(offsets, progress, self.began))
        return True

    def _check_in_time(self) -> None:
        cause = read_too_long(self.known_until, self.clock.wall())
        if cause is not None:
            self.store.clear(cause)
            raise RestoredTooLateError(cause)

    def _read_slice(self, reader: RowReader, part: Restoring) -> None:
        rows, part.position = reader.rows(part.topic.name, self.number, part.position, READ_MAX)
        self._take(rows)

    def _take(self, rows: Sequence[Row]) -> None:
        taken: list[tuple[str, bytes | None]] = []
        for raw_key, value in rows:
            key = (raw_key or b"").decode()
            if key.startswith(PROGRESS):
                if key == progress_key(self.input_topic.name) and value is not None:
                    self.progress = read_progress(value)
                    self.found_progress = True
            elif self.agenda is not None:
                taken.append((key, value))
        if self.agenda is not None:
            self.agenda.take(taken)
            self.store.restore(taken)

    def distrust(self, cause: str) -> bool:
        """Was it a store from before that we believed? It is thrown away: restore once more."""
        if self.warm:
            self.store.clear(cause)
        return self.warm

    def check_offset(self, committed: int | None) -> None:
        """The progress row is the truth; a group offset that differs from it stops us."""
        if committed is None:
            return
        if not self.found_progress or committed != self.progress.next:
            row = self.progress.next if self.found_progress else "none"
            name = f"{self.input_topic.name}/{self.number}"
            raise ProgressTornError(f"{name}: group offset {committed}, progress row {row}")

    def open(self, source: str) -> Staging:
        """What the next batch makes of this partition starts from here."""
        staging = Staging(
            source,
            self.input_topic,
            self.number,
            self.store,
            self.progress,
            self.memory,
            kept=self.kept,
        )
        staging.began = self.clock.wall()
        return staging

    def apply(self, staging: Staging) -> None:
        """The staged batch is in the log: now it is true here."""
        rows = staging.committed_rows()
        if self.agenda is not None:
            self.agenda.take(rows, staging.rows)
        self.kept.apply(staging.rows.items())
        self.store.apply(rows, staging.committed_standing())
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
