"""The world in memory: a broker, tables, a bank and every service, under the story's clock."""

from collections.abc import Sequence
from typing import Final, Protocol

from sqlalchemy import Engine

from schemas.topics import (
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    PARTITIONS_EMBEDDED,
    SETTLEMENT_BATCHES,
    SETTLEMENT_MEMORY,
)
from services.issuance.worker import SPEC as ISSUANCE
from services.ledger.sink import LedgerSink
from services.ledger.worker import SPEC as LEDGER
from services.ledger.worker import tell_closed
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.batch import Identity
from services.runtime.clocks import SetClock
from services.runtime.crash import NoCrash
from services.runtime.job import Job, deciding_job, deriving_job
from services.runtime.memory_log import MemoryLog
from services.runtime.outbox import Outbox
from services.runtime.outbox_table import METADATA as OPERATIONS
from services.runtime.policies import Policies
from services.runtime.ports import StateReader
from services.runtime.records import Staged
from services.runtime.seals import SealsOff
from services.runtime.sink_loop import SinkLoop
from services.runtime.sinks import Sink
from services.runtime.store import MemoryStore
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from services.runtime.telling import broadcast
from services.runtime.worker import Worker
from services.settlement.bank import StoryBank
from services.settlement.delivery.operations import Desk
from services.settlement.directory import Vault
from services.settlement.sink import SettlementSink
from services.settlement.worker import SPEC as SETTLEMENT

ROUNDS_MAX: Final = 2_000
SLOT: Final = "0"
# Nobody but this process ever sees what these keys seal.
SEALING_KEY: Final = bytes(32)
INDEX_KEY: Final = bytes(range(32))


class RestlessError(RuntimeError):
    """The services do not come to rest: two of them answer each other for ever."""


class _Ticking(Protocol):
    def tick(self) -> bool: ...
    def close(self) -> None: ...


class World:
    """A stage (stage.py) within this process, on ports in memory."""

    def __init__(self, now: int, timezone: str, partitions: int = PARTITIONS_EMBEDDED) -> None:
        self.partitions = partitions
        self.log = MemoryLog(partitions)
        self.engine: Engine = open_tables(MEMORY_URL)
        self.bank = StoryBank()
        self.desk = Desk(self.engine, Vault(SEALING_KEY, INDEX_KEY), self.bank)
        self.seals = SealsOff()
        self.reader: StateReader = self.log.reader()
        self._clock = SetClock(now)
        sinks: tuple[Sink, ...] = (LedgerSink(), SettlementSink(timezone))
        self._sinks = sinks
        create_tables(self.engine, [OPERATIONS, *(sink.metadata for sink in sinks)])
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
                seals=self.seals,
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
        policies = Policies(self.log.reader())
        jobs: list[Job] = [
            deciding_job(ISSUANCE, policies, self.seals, self.partitions),
            deciding_job(REDEMPTION, policies, self.seals, self.partitions),
            deriving_job(SETTLEMENT, policies, self.partitions),
            deriving_job(LEDGER, policies, self.partitions),
        ]
        loops: dict[str, _Ticking] = {job.service: self._worker(job) for job in jobs}
        for sink in self._sinks:
            loops[f"{sink.name} sink"] = SinkLoop(
                sink, self.engine, self.log, SLOT, crash=NoCrash()
            )
        loops["settlement outbox"] = Outbox(
            SETTLEMENT_BATCHES, SETTLEMENT_MEMORY, self.engine, self.log, crash=NoCrash()
        )
        loops["ledger outbox"] = Outbox(
            LEDGER_OPERATIONS,
            LEDGER_MEMORY,
            self.engine,
            self.log,
            crash=NoCrash(),
            also=tell_closed(self.seals, self.partitions),
        )
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
