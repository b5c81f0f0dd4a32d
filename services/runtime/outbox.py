"""The outbox: facts decided in PostgreSQL leave for Kafka, in order, once.

It is the runner with a table as its log: per output partition a progress row (position, sequence,
chain) is written in the transaction of the facts, and is the truth about what has left.
"""

from collections.abc import Callable
from typing import Any, Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from schemas.message import Fact
from schemas.topics import Topic
from services.runtime.advance import Progress, progress_key, read_progress
from services.runtime.crash import CrashPoints, Point
from services.runtime.deriving import NoRows
from services.runtime.dropping import Dropping
from services.runtime.murmur2 import partition_of
from services.runtime.outbox_table import OutboxRow, raise_head, read
from services.runtime.ports import (
    BatchDroppedError,
    Log,
    OutcomeUnknownError,
    Producer,
    RecordRefusedError,
    StateReader,
)
from services.runtime.records import Staged
from services.runtime.slices import records_now
from services.runtime.staging import Staging
from services.runtime.store import MemoryStore
from services.runtime.waits import Backoff, rest

ROWS_MAX: Final = 500
TABLE: Final = Topic(
    "operations.outbox", "fact", "operations' facts", "operations", (), "forever", public=False
)

_log = structlog.get_logger()

Also = Callable[[OutboxRow], list[Staged]]


class Outbox:
    """Publishes one topic's facts. At most one lives: its transactional identity fences others."""

    def __init__(
        self,
        topic: Topic,
        memory: Topic,
        engine: Engine,
        log: Log,
        *,
        crash: CrashPoints,
        also: Also | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._topic = topic
        self._memory = memory
        self._engine = engine
        self._log = log
        self._crash = crash
        self._also = also
        self._owner = memory.name.split(".")[1]
        self._identity = f"scrip-{self._owner}-outbox"
        self._producer: Producer | None = None
        self._progress: dict[int, Progress] = {}
        self._backoff = backoff or Backoff()
        self._dropping = Dropping(f"{self._owner} outbox")
        self._head_raised = False

    def tick(self, timeout: float = 0.0) -> bool:
        """Publish what waits, a bounded number; True when something left."""
        if self._producer is None:
            self._producer = self._log.producer(self._identity)
            self._restore(self._log.reader())
            self._crash.at(Point.OUTBOX_RESTORED)
        try:
            with self._engine.begin() as connection:
                if not self._head_raised:
                    # The database may be a backup: what has left since has its positions already.
                    raise_head(connection, self.published())
                # One by one, whatever stands before a row that is refused leaves.
                rows_max = 1 if self._dropping.refused else ROWS_MAX
                rows = read(connection, self.published(), rows_max, self._topic.name)
        except OperationalError as cause:
            self._head_raised = False
            if not self._backoff.waiting:
                _log.warning("waiting_for_postgres", outbox=self._topic.name, cause=str(cause))
            self._backoff.wait()
            return False
        self._head_raised = True
        if self._backoff.waiting:
            _log.info("postgres_is_back", outbox=self._topic.name)
            self._backoff.over()
        if not rows:
            rest(timeout)
            return False
        self._crash.at(Point.OUTBOX_READ)
        stagings, told = self._stage(rows)
        try:
            self._commit(self._producer, stagings, told)
        except RecordRefusedError as cause:
            first = rows[0]
            self._dropping.dropped(cause, fact=first.fact, type=first.type, subject=first.subject)
            self.close()
        return True

    def ready(self) -> bool:
        """Is the database there, and does the log take what waits?"""
        away = self._backoff.waiting or self._dropping.refused
        return self._producer is not None and not away

    def published(self) -> int:
        """The last position that has left."""
        return max((p.next for p in self._progress.values()), default=0)

    def close(self) -> None:
        """Give the producer up; nothing is in flight between ticks."""
        if self._producer is not None:
            self._producer.abandon()
            self._producer = None

    def _restore(self, reader: StateReader) -> None:
        key = progress_key(TABLE.name).encode()
        for number in range(self._log.partitions(self._memory.name)):
            self._progress[number] = Progress()
            for record in records_now(reader, self._memory.name, number):
                if record.key == key and record.value is not None:
                    self._progress[number] = read_progress(record.value)

    def _stage(self, rows: list[OutboxRow]) -> tuple[dict[int, Staging], list[Staged]]:
        count = self._log.partitions(self._topic.name)
        stagings: dict[int, Staging] = {}
        told: list[Staged] = []
        for row in rows:
            number = partition_of(row.subject.encode(), count)
            staging = stagings.get(number)
            if staging is None:
                staging = self._open(number)
                stagings[number] = staging
            staging.progress.next = row.position
            staging.progress.now = max(staging.progress.now, row.time)
            # Operations are dated by many machines' clocks; in the log time does not go back.
            staging.fact(self._topic, fact_of(row, staging.progress.now))
            if self._also is not None:
                told += self._also(row)
        return stagings, told

    def _open(self, number: int) -> Staging:
        return Staging(
            f"service/{self._owner}",
            TABLE,
            number,
            MemoryStore(),
            self._progress[number],
            self._memory,
        )

    def _commit(self, producer: Producer, stagings: dict[int, Staging], told: list[Staged]) -> None:
        rows = NoRows(self._memory)
        self._crash.at(Point.OUTBOX_BEFORE_BEGIN)
        try:
            producer.begin()
            for staging in stagings.values():
                staging.finish(rows)
                for staged in staging.outputs:
                    producer.produce(staged)
            for staged in told:
                producer.produce(staged)
            self._crash.at(Point.OUTBOX_BEFORE_COMMIT)
            producer.commit({}, None)
        except RecordRefusedError:
            raise
        except (BatchDroppedError, OutcomeUnknownError) as cause:
            # Whether it is in, the progress rows say: read them again with a new producer.
            _log.warning("outbox_batch_in_doubt", cause=str(cause))
            self._crash.at(Point.OUTBOX_IN_DOUBT)
            self.close()
            return
        self._crash.at(Point.OUTBOX_AFTER_COMMIT)
        self._dropping.committed()
        for number, staging in stagings.items():
            self._progress[number] = staging.progress


def fact_of(row: OutboxRow, now: int) -> Fact:
    """The fact a row stands for, told at `now` (ms UTC)."""
    body: Any = row.body
    return Fact(
        id=row.fact,
        type=row.type,
        subject=row.subject,
        time=now,
        body=body,
        policy=row.policy,
        causationid=row.causation,
        dates=row.dates,
    )
