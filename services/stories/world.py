"""The world in memory: a broker, tables, a bank and every service, under the story's clock."""

from collections.abc import Sequence
from typing import Final, Protocol

from sqlalchemy import Engine

from schemas.topics import PARTITIONS_EMBEDDED
from services.runtime.batch import Identity
from services.runtime.clocks import SetClock
from services.runtime.crash import NoCrash
from services.runtime.job import Job
from services.runtime.memory_log import MemoryLog
from services.runtime.outbox_table import METADATA as OPERATIONS
from services.runtime.policies import Policies
from services.runtime.ports import StateReader
from services.runtime.records import Staged
from services.runtime.store import MemoryStore
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from services.runtime.telling import broadcast
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

ROUNDS_MAX: Final = 2_000


class RestlessError(RuntimeError):
    """The services do not come to rest: two of them answer each other for ever."""


class _Ticking(Protocol):
    def tick(self) -> bool: ...
    def close(self) -> None: ...


class World:
    """A stage (stage.py) within this process, on ports in memory."""

    def __init__(
        self,
        now: int,
        timezone: str,
        partitions: int = PARTITIONS_EMBEDDED,
        engine: Engine | None = None,
    ) -> None:
        """`engine`: a database that has its tables, to be closed with the world; else in memory."""
        self.partitions = partitions
        self.log = MemoryLog(partitions)
        self.engine: Engine = open_tables(MEMORY_URL) if engine is None else engine
        self.bank = StoryBank()
        self.desk = Desk(self.engine, Vault(SEALING_KEY, INDEX_KEY), self.bank)
        self.reader: StateReader = self.log.reader()
        self._clock = SetClock(now)
        self._sinks = sinks_of(timezone)
        if engine is None:
            create_tables(self.engine, [OPERATIONS, *(sink.metadata for sink in self._sinks)])
        self._loops: dict[str, _Ticking] = {}
        self._start()

    def publish(self, records: Sequence[Staged]) -> None:
        """Write records as they are, with their timestamps."""
        for staged in records:
            self.log.append(staged)

    def move(self, now: int) -> None:
        """The clock stands at `now`, in every partition of every command topic."""
        self._clock.move(now)
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
        """Go round until a whole round moves nothing. Raises RestlessError."""
        for _ in range(ROUNDS_MAX):
            moving = [name for name, loop in self._loops.items() if loop.tick()]
            if not moving:
                return
        raise RestlessError(f"after {ROUNDS_MAX} rounds still moving: {', '.join(moving)}")

    def restart(self) -> None:
        """Every worker is dropped where it stands; new ones restore themselves from the log."""
        self._start()

    def close(self) -> None:
        """End everything."""
        for loop in self._loops.values():
            loop.close()
        self.engine.dispose()

    def _start(self) -> None:
        jobs = jobs_of(Policies(self.log.reader()), self.partitions)
        loops: dict[str, _Ticking] = {job.service: self._worker(job) for job in jobs}
        for name, make_sink in sink_loops_of(self._sinks, self.engine, self.log).items():
            loops[name] = make_sink()
        for name, make_outbox in outboxes_of(self.engine, self.log, self.partitions).items():
            loops[name] = make_outbox()
        self._loops = loops

    def _worker(self, job: Job) -> Worker:
        identity = Identity(f"scrip-{job.service}", f"scrip-{job.service}-{SLOT}")
        return Worker(
            job,
            self.log,
            identity,
            clock=self._clock,
            crash=NoCrash(),
            store=lambda _topic, _partition: MemoryStore(),
        )
