"""A worker with its rows on disk is killed under load: its store stays what the log says."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rocksdict import Rdict

from deploy.embedded.resolve import Infrastructure
from services.local.machine import Machine
from services.runtime.rocks_settings import budget, database_options
from services.runtime.rocks_store import FAMILIES
from tests.crash.publishing import Channel, Traffic
from tests.crash.stores import checked, said_of
from tests.crash.tally import KILL_9, Tally
from tests.crash.test_killed_workers import POLICY, until_answered

LONG = bool(os.environ.get("SCRIP_LONG"))
KILLS = 30 if LONG else 3
RATE = 200
BETWEEN_SECONDS = 2.0
READY_SECONDS_MAX = 60.0
NAME = "redemption/0"
PLANTED = "not-of-the-log"


@pytest.fixture
def machine(infra: Infrastructure, namespace: str, tmp_path: Path) -> Iterator[Machine]:
    """An installation with issuance in memory and redemption on disk."""
    made = Machine(infra, tmp_path, namespace)
    made.prepare(POLICY, time.time_ns() // 1_000_000)
    made.start("issuance")
    start(made)
    yield made
    made.stop()


def start(machine: Machine) -> None:
    folder = str(machine.folder / "stores")
    machine.start("redemption", "0", {"SCRIP_STORE": "rocksdb", "SCRIP_STORE_FOLDER": folder})


def log_of(machine: Machine) -> Path:
    return machine.folder / "logs" / "redemption-0.log"


def logged(machine: Machine, start: int = 0) -> str:
    """What the workers have said in all, or behind a place (bytes)."""
    return log_of(machine).read_bytes()[start:].decode()


def until_ready(machine: Machine, start: int) -> str:
    """The worker whose log begins there has restored every partition; what it has said."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while (said := logged(machine, start)).count("partition_ready") < machine.partitions:
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    return said


@pytest.mark.takes(30)
@pytest.mark.timeout(900 if LONG else 400)
def test_a_killed_worker_finds_its_store_again_and_it_is_what_the_log_says(
    machine: Machine, tally: Tally
) -> None:
    seed = int(os.environ.get("SCRIP_SEED") or 7)
    chance = random.Random(seed)
    channel = Channel(machine)
    cards = [f"card-{i}" for i in range(20)]
    channel.issue(cards, 1_000_000)
    traffic = Traffic(channel, cards, RATE, seed)
    traffic.start()
    began, warm = 0, 0
    for _ in range(KILLS):
        warm += until_ready(machine, began).count('"warm": true')
        # Not to synchronise: traffic goes on meanwhile, and the length is part of the fault.
        time.sleep(BETWEEN_SECONDS * chance.random())
        machine.kill(NAME, signal.SIGKILL)
        tally.faults[KILL_9] += 1
        assert machine.processes[NAME].wait(30.0)
        began = log_of(machine).stat().st_size
        start(machine)
    traffic.end()
    until_answered(machine, channel)
    machine.kill(NAME, signal.SIGTERM)
    assert machine.processes[NAME].wait(30.0)
    assert "store_thrown_away" not in logged(machine)
    # The first had nothing to find; whoever came after a killed one found all of its rows.
    assert warm == (KILLS - 1) * machine.partitions
    assert logged(machine, began).count('"warm": true') == machine.partitions
    folder = machine.folder / "stores"
    assert checked(machine, folder) > len(cards)
    store = planted(folder)
    told = said_of(machine, folder)
    assert (told.status, told.found["differing"]) == (1, 1)
    (found,) = [one for one in told.found["stores"] if one["state"] == "differs"]
    assert (found["store"], found["differing"]) == (store, (PLANTED,))


def planted(folder: Path) -> str:
    """Change a row of a store, as a broken disk would; which store."""
    (place,) = folder.glob("*/*-0/0")
    families = {name: database_options(budget(8)) for name in FAMILIES}
    database = Rdict(str(place), database_options(budget(8)), column_families=families)
    database[PLANTED.encode()] = b"{}"
    database.close()
    return str(place.relative_to(folder))
