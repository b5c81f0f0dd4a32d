"""One seed: a history, its deliveries, its faults, and every check; a Story of it if one fails."""

import hashlib
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import structlog
from sqlalchemy import Engine

from schemas.topics import REDEMPTION_EVENTS
from services.ledger.tables import METADATA as LEDGER_TABLES
from services.runtime.outbox_table import METADATA as OPERATIONS_TABLES
from services.runtime.outbox_table import outbox_head
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from services.settlement.directory import AccountDetails, register
from services.settlement.tables import METADATA as SETTLEMENT_TABLES
from tests.invariants import Auditor
from tests.observed import Observed
from tests.simulation.channels import Delivery, deliveries
from tests.simulation.faults import Faults
from tests.simulation.network import ACCOUNTS, START
from tests.simulation.processes import VAULT, Site
from tests.simulation.replay import check_replay
from tests.simulation.rest import check_rest
from tests.simulation.scenes import Scene, scene_of
from tests.simulation.workload import Workload
from tests.simulation.world import World

FAULTS_MIN: Final = 10
TABLES: Final = (OPERATIONS_TABLES, LEDGER_TABLES, SETTLEMENT_TABLES)
TOLD_MAX: Final = 180
Cells = Counter[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed came to: `history` is a hash of every record; `violation` None if all holds.

    `schedule` and `drawn` are its faults, in words and by their numbers. `cells` are (command,
    state, how its batch fared), `decisions` (command, state, outcome), `places` (role, boundary,
    fault).
    """

    seed: int
    scene: Scene
    faults: int
    steps: int
    history: str
    violation: str | None
    story: str
    schedule: tuple[str, ...] = ()
    drawn: frozenset[int] = frozenset()
    cells: Cells = field(default_factory=Counter, compare=False)
    decisions: Cells = field(default_factory=Counter, compare=False)
    places: Cells = field(default_factory=Counter, compare=False)


@dataclass(frozen=True, slots=True)
class Cut:
    """A seed made shorter: which of its deliveries arrive, and which of its faults strike."""

    deliveries: frozenset[int] | None = None
    faults: frozenset[int] | None = None


def simulate(seed: int, *, scene: Scene | None = None, cut: Cut = Cut()) -> Outcome:
    """Play one seed to the end and check it; what a fault-free world may not do is an error."""
    played = scene or scene_of(seed)
    coming = coming_of(seed, played)
    if cut.deliveries is not None:
        coming = [delivery for i, delivery in enumerate(coming) if i in cut.deliveries]
    faults = Faults(Random(f"{seed}/faults"), kept=cut.faults)
    return play(seed, played, coming, faults, FAULTS_MIN if cut.faults is None else 0)


def coming_of(seed: int, scene: Scene) -> list[Delivery]:
    """Everything that reaches a seed's world."""
    history = Workload(Random(f"{seed}/workload"), START, scene).history()
    chance = Random(f"{seed}/channels")
    return deliveries(chance, history, scene.partitions, office=scene.has_database)


def play(
    seed: int,
    scene: Scene,
    coming: list[Delivery],
    faults: Faults,
    faults_min: int,
    *,
    patient: bool = False,
) -> Outcome:
    """Play what comes on a scene with these faults.

    `patient`: nothing arrives before all that came has been dealt with.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with _site(scene) as site:
        world = World(seed, coming, faults, site, patient=patient)
        auditor = Auditor(Observed(world.log), lambda: world.log.hides(REDEMPTION_EVENTS.name))
        world.watch = auditor.look
        violation = None
        try:
            world.play(faults_min)
            check_rest(world, auditor)
            check_replay(auditor.observed, world.log, scene)
        except Exception as found:
            # Whatever the services raise that is not theirs to raise is a finding, as a check is.
            violation = f"{type(found).__name__}: {found}"
        finally:
            world.close()
    return _outcome(seed, world, violation)


def _outcome(seed: int, world: World, violation: str | None) -> Outcome:
    faults = world.faults
    return Outcome(
        seed,
        world.site.scene,
        sum(faults.struck.values()),
        faults.step,
        _hash(world, faults),
        violation,
        "" if violation is None else _story(seed, violation, faults, world),
        tuple(line for _, line in faults.schedule),
        frozenset(number for number, _ in faults.schedule),
        faults.cells,
        faults.decisions,
        faults.places,
    )


@contextmanager
def _site(scene: Scene) -> Iterator[Site]:
    engine = _emptied(_database()) if scene.has_database else None
    if scene.stores != "rocksdb":
        yield Site(scene, engine)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Site(scene, engine, Path(folder))


def _story(seed: int, violation: str, faults: Faults, world: World) -> str:
    steps = [line if len(line) <= TOLD_MAX else f"{line[:TOLD_MAX]}…" for line in world.told]
    return "\n".join(
        [
            f"seed {seed}: {violation}",
            f"again: make simulate SEED={seed}",
            "faults:",
            *(f"  {line}" for _, line in faults.schedule),
            "last steps:",
            *(f"  {line}" for line in steps),
        ]
    )


def _hash(world: World, faults: Faults) -> str:
    digest = hashlib.sha256("\n".join(line for _, line in faults.schedule).encode())
    for name, slots in sorted(world.log._slots.items()):
        digest.update(repr(name).encode())
        for slot in slots:
            digest.update(repr(slot.record).encode())
    return digest.hexdigest()


@cache
def _database() -> Engine:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, TABLES)
    return engine


def _emptied(engine: Engine) -> Engine:
    """The same tables for every seed: making them costs more than a seed does."""
    with engine.begin() as connection:
        for metadata in TABLES:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        connection.execute(outbox_head.insert().values(id=1, position=0))
        for account, (routing, number, kind) in ACCOUNTS.items():
            details = AccountDetails(account, routing, number, kind, f"Holder {account}")
            register(connection, VAULT, details, state="active")
    return engine
