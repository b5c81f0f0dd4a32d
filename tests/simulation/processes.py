"""A process of the simulator: one real loop of a service on the ports as its seat has them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Engine

from schemas.topics import LEDGER_MEMORY, LEDGER_OPERATIONS
from services.issuance.worker import SPEC as ISSUANCE
from services.ledger.sink import LedgerSink
from services.ledger.worker import SPEC as LEDGER
from services.ledger.worker import tell_closed
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.batch import Identity
from services.runtime.deciding import DecidingSpec
from services.runtime.deriving import DerivingSpec
from services.runtime.job import Job, deciding_job, deriving_job
from services.runtime.outbox import Outbox
from services.runtime.policies import Policies
from services.runtime.ports import Log
from services.runtime.seals import SealsOff
from services.runtime.sink_loop import SinkLoop
from services.runtime.sinks import Sink
from services.runtime.store import MemoryStore
from services.runtime.waits import Backoff
from services.runtime.worker import Worker
from services.settlement.sink import SettlementSink
from services.settlement.worker import SPEC as SETTLEMENT
from tests.simulation.faults import Faults
from tests.simulation.faulty_log import FaultyLog
from tests.simulation.faulty_tables import FaultyTables
from tests.simulation.network import PARTITIONS
from tests.simulation.seat import CrashAtSeat, Seat

DECIDING: Final[dict[str, DecidingSpec]] = {"issuance": ISSUANCE, "redemption": REDEMPTION}
DERIVING: Final[dict[str, DerivingSpec]] = {"settlement": SETTLEMENT, "ledger": LEDGER}
SINKS: Final[dict[str, Callable[[], Sink]]] = {
    "ledger-sink": LedgerSink,
    "settlement-sink": lambda: SettlementSink("America/New_York"),
}
OUTBOX: Final = "ledger-outbox"
ROLES: Final = (*DECIDING, *DERIVING, *SINKS, OUTBOX)


class SkewedClock:
    """A machine's clock: the world's, some seconds wrong. It only decides when to sweep."""

    def __init__(self, now: Callable[[], int], skew: int) -> None:
        self._now = now
        self._skew = skew

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._now() + self._skew

    def reached(self, now: int) -> None:
        """The log's time moves no machine's clock."""


@dataclass(eq=False)
class Process:
    """Which role in which slot; `loop` is None until it has started; `state` says how it is."""

    role: str
    slot: str
    number: int
    seat: Seat
    loop: Any = None
    state: str = "running"

    @property
    def name(self) -> str:
        """Role, slot and how many there were before."""
        return f"{self.role}/{self.slot}#{self.number}"


def job_of(role: str, log: Log) -> Job:
    """The job of a service on a log."""
    policies = Policies(log.reader())
    if role in DECIDING:
        return deciding_job(DECIDING[role], policies, SealsOff(), PARTITIONS)
    return deriving_job(DERIVING[role], policies, PARTITIONS)


def start(process: Process, engine: Engine, clock: SkewedClock) -> None:
    """Make the loop; it may be killed while it joins its group."""
    seat, crash = process.seat, CrashAtSeat(process.seat)
    log = cast(Log, seat)
    if process.role in SINKS:
        process.loop = SinkLoop(
            SINKS[process.role](),
            cast(Engine, FaultyTables(engine, seat)),
            log,
            process.slot,
            crash=crash,
            backoff=Backoff(lambda seconds: None),
        )
        return
    if process.role == OUTBOX:
        process.loop = Outbox(
            LEDGER_OPERATIONS,
            LEDGER_MEMORY,
            cast(Engine, FaultyTables(engine, seat)),
            log,
            crash=crash,
            also=tell_closed(SealsOff(), PARTITIONS),
            backoff=Backoff(lambda seconds: None),
        )
        return
    process.loop = Worker(
        job_of(process.role, log),
        log,
        Identity(f"scrip-{process.role}", f"scrip-{process.role}-{process.slot}"),
        clock=clock,
        crash=crash,
        store=lambda _topic, _partition: MemoryStore(),
    )


def seated(log: FaultyLog, faults: Faults, role: str, slot: str, number: int) -> Process:
    """A process that has not started yet."""
    name = f"{role}/{slot}#{number}"
    return Process(role, slot, number, Seat(log, faults, name))
