"""A process of the simulator: one real loop of a service on the ports as its seat has them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final, cast

from sqlalchemy import Engine

from schemas.topics import (
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    SETTLEMENT_BATCHES,
    SETTLEMENT_MEMORY,
)
from services.issuance.worker import SPEC as ISSUANCE
from services.ledger.sink import LedgerSink
from services.ledger.worker import SPEC as LEDGER
from services.ledger.worker import tell_closed
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime import rocks_settings
from services.runtime.batch import Identity
from services.runtime.deciding import DecidingSpec
from services.runtime.deriving import DerivingSpec
from services.runtime.job import Job, deciding_job, deriving_job
from services.runtime.outbox import Outbox
from services.runtime.policies import Policies
from services.runtime.ports import Log, Store
from services.runtime.rocks_store import RocksStore
from services.runtime.seals import SealsOff
from services.runtime.sink_loop import SinkLoop
from services.runtime.sinks import Sink
from services.runtime.standing import CLOCKS_APART_MAX
from services.runtime.store import MemoryStore
from services.runtime.waits import Backoff
from services.runtime.worker import Worker
from services.settlement.bank import Bank, StoryBank
from services.settlement.delivery.operations import Desk
from services.settlement.directory import Vault
from services.settlement.sink import SettlementSink
from services.settlement.worker import SPEC as SETTLEMENT
from services.settlement.worker import Clerk
from tests.simulation.disks import Disks
from tests.simulation.faulty_tables import FaultyTables
from tests.simulation.mixture import Asked
from tests.simulation.office import FaultyBank, Office
from tests.simulation.scenes import CLERK, OFFICE, Scene
from tests.simulation.seat import CrashAtSeat, Seat
from tests.simulation.watching import Note, WatchedCore

DECIDING: Final[dict[str, DecidingSpec]] = {"issuance": ISSUANCE, "redemption": REDEMPTION}
DERIVING: Final[dict[str, DerivingSpec]] = {"settlement": SETTLEMENT, "ledger": LEDGER}
SINKS: Final[dict[str, Callable[[], Sink]]] = {
    "ledger-sink": LedgerSink,
    "settlement-sink": lambda: SettlementSink("America/New_York"),
}
VAULT: Final = Vault(bytes(32), bytes(range(32)))
ROCKS_MIB: Final = 8


class SkewedClock:
    """A machine's clock: the world's, some seconds wrong for sweeps and some hours for stores."""

    def __init__(self, now: Callable[[], int], skew: int, chance: Random) -> None:
        self._now = now
        self._skew = skew
        self._skew_of_wall = chance.randrange(-CLOCKS_APART_MAX // 2, CLOCKS_APART_MAX // 2)

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._now() + self._skew

    def wall(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._now() + self._skew_of_wall

    def reached(self, now: int) -> None:
        """The log's time moves no machine's clock."""


@dataclass
class Site:
    """What all processes share: the database, the bank, the office's tray, a folder."""

    scene: Scene
    engine: Engine | None
    folder: Path | None = None
    bank: StoryBank = field(default_factory=StoryBank)
    tray: deque[Asked] = field(default_factory=deque)


@dataclass(eq=False)
class Process:
    """Which role in which slot; `loop` is None until it has started; `state` says how it is."""

    role: str
    slot: str
    number: int
    seat: Seat
    loop: Any = None
    state: str = "running"
    stores: list[Store] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Role, slot and how many there were before."""
        return f"{self.role}/{self.slot}#{self.number}"

    def give_back(self) -> None:
        """It is gone: the system closes its files, and nothing more is written to them."""
        for store in self.stores:
            if hasattr(store, "dues"):  # a store on RocksDB has none once it is closed
                store.close()
        self.stores.clear()


def job_of(role: str, log: Log, partitions: int, note: Note | None = None) -> Job:
    """The job of a service on a log; `note` hears of every decision."""
    policies = Policies(log.reader())
    if role in DERIVING:
        return deriving_job(DERIVING[role], policies, partitions)
    spec = DECIDING[role]
    if note is not None:
        spec = replace(spec, core=cast(Any, WatchedCore(spec.core, note)))
    return deciding_job(spec, policies, SealsOff(), partitions)


def start(process: Process, site: Site, disks: Disks, clock: SkewedClock) -> None:
    """Make the loop; it may be killed while it joins its group."""
    role, seat, crash = process.role, process.seat, CrashAtSeat(process.seat)
    log = cast(Log, seat)
    if role in DECIDING or role in DERIVING:
        process.loop = _worker(process, site, disks, clock)
        return
    assert site.engine is not None
    tables = cast(Engine, FaultyTables(site.engine, seat))
    quick = Backoff(lambda seconds: None)
    match role:
        case "ledger-sink" | "settlement-sink":
            sink = SINKS[role]()
            told = {"crash": crash, "backoff": quick, "seconds": lambda: clock.now() / 1000}
            process.loop = SinkLoop(sink, tables, log, process.slot, **told)
        case "ledger-outbox":
            also = tell_closed(SealsOff(), site.scene.partitions)
            process.loop = Outbox(
                *(LEDGER_OPERATIONS, LEDGER_MEMORY, tables, log),
                crash=crash,
                also=also,
                backoff=quick,
            )
        case "settlement-outbox":
            process.loop = Outbox(
                *(SETTLEMENT_BATCHES, SETTLEMENT_MEMORY, tables, log),
                crash=crash,
                backoff=quick,
            )
        case _:
            desk = Desk(tables, VAULT, cast(Bank, FaultyBank(site.bank, seat)), crash)
            process.loop = _at_the_desk(process, site, desk, log, clock)


def _at_the_desk(process: Process, site: Site, desk: Desk, log: Log, clock: SkewedClock) -> Any:
    policies = Policies(log.reader())
    if process.role == CLERK:
        return Clerk(desk, policies, clock, resting=lambda seconds: None)
    assert process.role == OFFICE
    return Office(site.tray, desk, policies, clock.now, process.seat)


def _worker(process: Process, site: Site, disks: Disks, clock: SkewedClock) -> Worker:
    role, slot, log = process.role, process.slot, cast(Log, process.seat)

    def store(topic: str, partition: int) -> Store:
        made: Store
        if role in DERIVING or site.scene.stores == "memory":
            made = MemoryStore()
        elif site.scene.stores == "warm":
            made = disks.store(role, slot, topic, partition)
        else:
            assert site.folder is not None
            folder = site.folder / f"{role}.{slot}" / f"{topic}-{partition}"
            made = RocksStore(folder, "simulated", rocks_settings.budget(ROCKS_MIB))
        process.stores.append(made)
        return made

    return Worker(
        job_of(role, log, site.scene.partitions, process.seat.decided),
        log,
        Identity(f"scrip-{role}", f"scrip-{role}-{slot}"),
        clock=clock,
        crash=CrashAtSeat(process.seat),
        store=store,
    )
