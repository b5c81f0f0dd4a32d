"""The same stage on a real Kafka and a real PostgreSQL: own topics, own database, story clock."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
from confluent_kafka.admin import AdminClient
from psycopg import sql
from sqlalchemy import Engine, select

from deploy.embedded.resolve import Infrastructure
from deploy.migrations.run import upgrade
from schemas.topics import PARTITIONS_EMBEDDED, TOPICS, Topic
from services.runtime.batch import Identity
from services.runtime.clocks import LogClock
from services.runtime.crash import NoCrash
from services.runtime.job import Job
from services.runtime.kafka_log import KafkaLog
from services.runtime.kafka_settings import QUIET
from services.runtime.partitions import Partition
from services.runtime.policies import Policies
from services.runtime.ports import BatchDroppedError, Producer, TopicPartition
from services.runtime.records import Staged
from services.runtime.settings import is_loopback
from services.runtime.sinks import Sink
from services.runtime.store import MemoryStore
from services.runtime.tables import open_tables
from services.runtime.telling import broadcast
from services.runtime.topic_admin import TopicAdmin
from services.runtime.worker import Worker
from services.settlement.bank import StoryBank
from services.settlement.delivery.operations import Desk
from services.settlement.directory import Vault
from services.stories.assembly import (
    INDEX_KEY,
    SEALING_KEY,
    SEALS,
    SLOT,
    jobs_of,
    outboxes_of,
    sink_loops_of,
    sinks_of,
)
from services.stories.mirror import Mirror
from services.stories.threads import Loop, Threads

SETTLE_SECONDS_MAX: Final = 240.0
FOLLOW_SECONDS: Final = 0.02
ROUNDS_QUIET: Final = 2
# On a busy machine a broker may answer later than a message may wait.
PUBLISHINGS_MAX: Final = 10
IDENTITY: Final = "scrip-story"


class NotLoopbackError(ValueError):
    """A story moves the clock, so it is told on this machine only. Unset SCRIP_KAFKA."""


class UnsettledError(RuntimeError):
    """The services have not come to rest in time; the message names who is behind."""


class LiveStage:
    """A stage (stage.py) on a broker and a database; its threads run the services' own loops."""

    def __init__(self, infra: Infrastructure, namespace: str, timezone: str) -> None:
        if not is_loopback(infra.bootstrap):
            raise NotLoopbackError(f"{infra.bootstrap} is not this machine")
        self.partitions = PARTITIONS_EMBEDDED
        TopicAdmin(infra.bootstrap, namespace, story=True).apply(self.partitions)
        self._infra = infra
        self._namespace = namespace
        self._log = KafkaLog(infra.bootstrap, namespace)
        self.engine: Engine = open_tables(_database(infra, namespace))
        self.desk = Desk(self.engine, Vault(SEALING_KEY, INDEX_KEY), StoryBank())
        self._sinks: tuple[Sink, ...] = sinks_of(timezone)
        self.reader = Mirror(infra.bootstrap, self._log.prefix, self._places(TOPICS))
        self._producer: Producer = self._log.producer(IDENTITY)
        self._threads = self._started()

    def publish(self, records: Sequence[Staged]) -> None:
        """Write records as they are, in one transaction; again if it did not happen."""
        for left in reversed(range(PUBLISHINGS_MAX)):
            try:
                self._producer.begin()
                for staged in records:
                    self._producer.produce(staged)
                self._producer.commit({}, None)
            except BatchDroppedError:
                if not left:
                    raise
                self._producer.abandon()
                self._producer = self._log.producer(IDENTITY)
            else:
                return

    def move(self, now: int) -> None:
        """The clock stands at `now`: every partition is told, and workers take it from there."""
        self.publish(
            broadcast(
                "clock_moved",
                "service/story",
                {},
                time=now,
                partitions=self.partitions,
                seals=SEALS,
            )
        )

    def settle(self) -> None:
        """Wait until all have read everything, and two more rounds bring nothing new.

        Raises UnsettledError, BrokenLoopError.
        """
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        quiet: tuple[dict[TopicPartition, int], dict[str, int]] | None = None
        while True:
            ends, rounds = self.reader.ends(), self._threads.rounds()
            self._follow_to(ends, deadline)
            behind = self._behind()
            if behind or quiet is None or quiet[0] != ends:
                quiet = None if behind else (ends, rounds)
            elif all(rounds[name] >= before + ROUNDS_QUIET for name, before in quiet[1].items()):
                return
            if time.monotonic() > deadline:
                raise UnsettledError(f"behind: {', '.join(behind) or 'nobody, but never quiet'}")
            self.reader.follow(FOLLOW_SECONDS)

    def restart(self) -> None:
        """Every worker stops; new ones restore themselves from the log."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Every service stops."""
        self._threads.stop()

    def start(self) -> None:
        """New ones start."""
        self._threads = self._started()

    def close(self) -> None:
        """End everything, and leave nothing on the broker or in the server."""
        self._threads.stop()
        self.reader.close()
        self._producer.abandon()
        self.engine.dispose()
        admin = AdminClient({**QUIET, "bootstrap.servers": self._infra.bootstrap})
        for gone in admin.delete_topics([t.named(self._namespace) for t in TOPICS]).values():
            gone.result()
        with _server(self._infra) as connection:
            name = sql.Identifier(self._namespace)
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def _started(self) -> Threads:
        makers: dict[str, Callable[[], Loop]] = {}
        for job in jobs_of(Policies(self._log.reader()), self.partitions):
            makers[job.service] = lambda job=job: self._worker(job)  # type: ignore[misc]
        makers |= sink_loops_of(self._sinks, self.engine, self._log)
        makers |= outboxes_of(self.engine, self._log, self.partitions)
        return Threads(makers)

    def _worker(self, job: Job) -> Worker:
        return Worker(
            job,
            self._log,
            Identity(f"scrip-{job.service}", f"scrip-{job.service}-{SLOT}"),
            clock=LogClock(),
            crash=NoCrash(),
            store=lambda _topic, _partition: MemoryStore(),
        )

    def _places(self, topics: Sequence[Topic]) -> list[TopicPartition]:
        return [(t.name, n) for t in topics for n in range(self._log.partitions(t.name))]

    def _follow_to(self, ends: dict[TopicPartition, int], deadline: float) -> None:
        while not self.reader.is_at(ends) and time.monotonic() < deadline:
            self.reader.follow(FOLLOW_SECONDS)

    def _behind(self) -> list[str]:
        """Who has not yet read (or not yet got) a partition that has something for it."""
        found = []
        for name, loop in dict(self._threads.loops).items():
            if isinstance(loop, Worker):
                for place in self._places(loop.job.inputs):
                    held = loop.partitions.get(place)
                    if held is None or held.phase != "ready" or self._has_more(held, place):
                        found.append(f"{name} on {place[0]}/{place[1]}")
        for sink in self._sinks:
            found += self._sink_behind(sink)
        return found

    def _has_more(self, held: Partition, place: TopicPartition) -> bool:
        """Has it more to read, or is something due on its way that is not on the log yet?

        If that is lost it is not sent again, for the clock stands still: the wait ends aloud.
        """
        on_its_way = held.agenda is not None and held.agenda.awaits()
        return on_its_way or held.progress.next <= self.reader.last(place)

    def _sink_behind(self, sink: Sink) -> Iterator[str]:
        table = sink.progress
        chosen = select(table.c.topic, table.c.partition, table.c.next_offset).where(
            table.c.sink == sink.name
        )
        with self.engine.connect() as connection:
            places = {(row[0], row[1]): row[2] for row in connection.execute(chosen)}
        for place in self._places(sink.topics):
            if places.get(place, 0) <= self.reader.last(place):
                yield f"{sink.name} sink on {place[0]}/{place[1]}"


def _database(infra: Infrastructure, name: str) -> str:
    """A migrated database of the story's own; its text is ordered as in memory, byte by byte."""
    with _server(infra) as connection:
        made = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        connection.execute(sql.SQL(made).format(sql.Identifier(name)))
    url = infra.postgres.rpartition("/")[0] + f"/{name}"
    upgrade(url)
    return url


@contextmanager
def _server(infra: Infrastructure) -> Iterator[psycopg.Connection]:
    server = infra.postgres.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection
