"""One seed: a history, its deliveries, its faults, and every check; a Story of it if one fails."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

import structlog
from sqlalchemy import Engine

from services.ledger.tables import METADATA as LEDGER_TABLES
from services.runtime.outbox_table import METADATA as OPERATIONS_TABLES
from services.runtime.outbox_table import outbox_head
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from services.settlement.tables import METADATA as SETTLEMENT_TABLES
from tests.invariants import Auditor
from tests.observed import Observed
from tests.simulation.channels import deliveries
from tests.simulation.faults import RATES, Faults
from tests.simulation.network import START
from tests.simulation.replay import check_replay
from tests.simulation.rest import check_rest
from tests.simulation.workload import Workload
from tests.simulation.world import World

COMMANDS: Final = 50
FAULTS_MIN: Final = 10
TABLES: Final = (OPERATIONS_TABLES, LEDGER_TABLES, SETTLEMENT_TABLES)
TOLD_MAX: Final = 180


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed came to: `history` is a hash of every record; `violation` None if all holds."""

    seed: int
    faults: int
    steps: int
    history: str
    violation: str | None
    story: str


def simulate(
    seed: int, *, commands: int = COMMANDS, rates: Mapping[str, Mapping[str, int]] = RATES
) -> Outcome:
    """Play one seed to the end and check it; what a fault-free world may not do is an error."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    history = Workload(Random(f"{seed}/workload"), START, commands).history()
    coming = deliveries(Random(f"{seed}/channels"), history)
    faults = Faults(Random(f"{seed}/faults"), rates=rates)
    engine = _emptied(_database())
    world = World(seed, coming, faults, engine)
    auditor = Auditor(Observed(world.log))
    world.watch = auditor.look
    violation = None
    try:
        world.play(FAULTS_MIN)
        check_rest(world, auditor, engine)
        check_replay(auditor.observed, world.log)
    except Exception as found:
        # Whatever the services raise that is not theirs to raise is a finding, as a check is.
        violation = f"{type(found).__name__}: {found}"
    struck = sum(faults.struck.values())
    story = "" if violation is None else _story(seed, violation, faults, world)
    return Outcome(seed, struck, faults.step, _hash(world, faults), violation, story)


def _story(seed: int, violation: str, faults: Faults, world: World) -> str:
    steps = [line if len(line) <= TOLD_MAX else f"{line[:TOLD_MAX]}…" for line in world.told]
    return "\n".join(
        [
            f"seed {seed}: {violation}",
            f"again: SCRIP_SEED={seed} (make simulate SEED={seed})",
            "faults:",
            *(f"  {line}" for line in faults.schedule),
            "last steps:",
            *(f"  {line}" for line in steps),
        ]
    )


def _hash(world: World, faults: Faults) -> str:
    digest = hashlib.sha256("\n".join(faults.schedule).encode())
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
    return engine
