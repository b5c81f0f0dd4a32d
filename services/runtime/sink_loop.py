"""The loop of a sink: poll the log, write rows and position, wait while the database is away."""

import time
from collections.abc import Callable

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from services.runtime.crash import CrashPoints, Point
from services.runtime.metrics import SINK_ROWS, WAITING
from services.runtime.ports import Assigned, Log, TopicPartition
from services.runtime.progress import PositionLostError, RivalSinkError
from services.runtime.records import Record
from services.runtime.sinks import Sink, apply_batch, position_of
from services.runtime.waits import Backoff

RECORDS_MAX = 5_000
QUIET_SECONDS_MAX = 30.0

_log = structlog.get_logger()


class SinkLoop:
    """Feeds one sink. Its positions live in the database; the group only deals out partitions."""

    def __init__(
        self,
        sink: Sink,
        engine: Engine,
        log: Log,
        slot: str,
        *,
        crash: CrashPoints,
        backoff: Backoff | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._engine = engine
        self._crash = crash
        self._topics = {topic.name: topic for topic in sink.topics}
        group = f"scrip-{sink.name}-sink"
        self._consumer = log.consumer(group, list(self._topics), f"{group}-{slot}")
        self._held: set[TopicPartition] = set()
        self._unplaced: set[TopicPartition] = set()
        self._since: dict[TopicPartition, int] = {}
        self._backoff = backoff or Backoff()
        self._seconds = seconds
        self._asked: dict[TopicPartition, float] = {}

    def tick(self, timeout: float = 0.0) -> bool:
        """One round; True when something was written."""
        self._take_changes()
        try:
            self._place()
            records = self._consumer.poll(RECORDS_MAX, timeout)
            self._take_changes()
            self._doubt({(record.topic, record.partition) for record in records})
            return self._write(records)
        except (OperationalError, DBAPIError) as cause:
            if not isinstance(cause, OperationalError) and not cause.connection_invalidated:
                raise
            self._away(cause)
            return False

    def ready(self) -> bool:
        """Is every held partition placed, and the database there?"""
        return not self._unplaced and not self._backoff.waiting

    def close(self) -> None:
        """Leave the group; nothing is in flight between ticks."""
        self._consumer.close()

    def _take_changes(self) -> None:
        for change in self._consumer.changes():
            names = set(change.partitions)
            if isinstance(change, Assigned):
                self._consumer.pause(names)
                self._held |= names
                self._unplaced |= names
            else:
                self._held -= names
                self._unplaced -= names

    def _place(self) -> None:
        """Start newly held partitions (and those in doubt) where the database says."""
        for name in sorted(self._unplaced):
            topic = self._topics[name[0]]
            self._since[name] = position_of(self._engine, self._sink, topic, name[1])
            self._consumer.start_at(name, self._since[name])
            self._unplaced.discard(name)
            self._asked[name] = self._seconds()
            self._crash.at(Point.SINK_PLACED)
        self._came_back()

    def _doubt(self, busy: set[TopicPartition]) -> None:
        """Where nothing comes, nothing tells us that a database lost what it had acknowledged."""
        now = self._seconds()
        for name in self._held:
            if name in busy:
                self._asked[name] = now
            elif now - self._asked.get(name, 0.0) >= QUIET_SECONDS_MAX:
                self._unplaced.add(name)

    def _write(self, records: list[Record]) -> bool:
        batches: dict[TopicPartition, list[Record]] = {}
        for record in records:
            name = (record.topic, record.partition)
            if name in self._held and name not in self._unplaced:
                batches.setdefault(name, []).append(record)
        self._unplaced |= set(batches)  # whatever happens, the database says where they are
        for name, batch in batches.items():
            self._crash.at(Point.SINK_BEFORE_WRITE)
            try:
                since = self._since[name]
                written = apply_batch(self._engine, self._sink, batch, self._crash, since)
            except RivalSinkError as cause:
                _log.warning("rival_sink", sink=self._sink.name, cause=str(cause))
                continue
            except PositionLostError as cause:
                _log.warning("position_lost", sink=self._sink.name, cause=str(cause))
                continue
            self._since[name] = batch[-1].offset + 1
            self._crash.at(Point.SINK_AFTER_WRITE)
            SINK_ROWS.labels(self._sink.name).inc(written)
            self._unplaced.discard(name)
        return bool(batches)

    def _away(self, cause: Exception) -> None:
        if not self._backoff.waiting:
            _log.warning("waiting_for_postgres", sink=self._sink.name, cause=str(cause))
        self._crash.at(Point.SINK_AWAY)
        WAITING.labels(f"{self._sink.name}-sink").set(1)
        self._unplaced |= self._held  # it may come back as it was before
        self._backoff.wait()

    def _came_back(self) -> None:
        if self._backoff.waiting:
            _log.info("postgres_is_back", sink=self._sink.name)
            WAITING.labels(f"{self._sink.name}-sink").set(0)
            self._backoff.over()
