"""A settlement run is killed between any two of its steps: the same run, one file, sent once."""

import os
import random
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from services.runtime.crash import Point
from services.runtime.kafka_settings import transactional_settings
from tests.crash.fleet import Fleet
from tests.crash.office import OUTBOX, Office, each_run_once, start_all, until_crashed
from tests.crash.resting import rests
from tests.crash.rota import OUTBOXES, RUNS

LONG = bool(os.environ.get("SCRIP_LONG"))
SEED = int(os.environ.get("SCRIP_SEED") or 3)
SEEDS = 3 if LONG else 1
SHORT_RUNS = (Point.RUN_FILE_MADE, Point.BANK_WRITTEN, Point.RUN_TAKEN)
SHORT_OUTBOXES = (Point.OUTBOX_AFTER_COMMIT,)


@pytest.mark.takes(35)
@pytest.mark.timeout(600 if LONG else 400)
@pytest.mark.parametrize("seed", range(SEED, SEED + SEEDS))
def test_a_run_killed_anywhere_is_one_run_with_one_file(
    seed: int, fleet_of: Callable[[str], Fleet]
) -> None:
    """Every step of a run and of the outbox that tells of it."""
    began = time.monotonic()
    fleet = fleet_of("runs")
    start_all(fleet)
    office = Office(fleet, seed)
    points = list(RUNS if LONG else SHORT_RUNS)
    random.Random(seed).shuffle(points)
    for point in points:
        office.carry(f"{point}:1")
    for point in OUTBOXES if LONG else SHORT_OUTBOXES:
        fleet.kill(OUTBOX)
        fleet.start(OUTBOX, f"{point}:1", ("outbox",))
        office.carry()
        until_crashed(fleet, OUTBOX, point)
        fleet.start(OUTBOX, None, ("outbox",))
    facts = rests(fleet, operations=True)
    each_run_once(office)
    print(
        f"\nseed {seed}: {len(office.runs)} runs, {fleet.kills} kills, {facts} facts, "
        f"0 violations, {time.monotonic() - began:.0f} s"
    )


@pytest.mark.skipif(not LONG, reason="one more start of everything: make crash")
@pytest.mark.timeout(200)
def test_an_outbox_killed_in_doubt_about_its_batch_tells_each_fact_once(
    fleet_of: Callable[[str], Fleet],
) -> None:
    """A rival with its identity fences it; it dies before it has asked what became of the batch."""
    fleet = fleet_of("doubt")
    start_all(fleet, f"{Point.OUTBOX_IN_DOUBT}:1")
    office = Office(fleet, 1)
    office.carry()
    identity = f"{fleet.machine.namespace}.scrip-settlement-outbox"
    settings = transactional_settings(fleet.machine.infra.bootstrap, identity)
    Producer(settings).init_transactions(30)
    office.carry()
    until_crashed(fleet, OUTBOX, Point.OUTBOX_IN_DOUBT)
    fleet.start(OUTBOX, None, ("outbox",))
    rests(fleet, operations=True)
    each_run_once(office)
