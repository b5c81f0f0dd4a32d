"""Broker or database away, at start or in the middle: waiting is said aloud, nothing is lost."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from deploy.embedded.resolve import Infrastructure
from schemas.topics import LEDGER_JOURNALS, REDEMPTION_COMMANDS
from services.local.machine import Machine
from services.runtime.tables import open_tables
from tests.crash.publishing import Channel, money, read_topic
from tests.crash.tally import BROKER, DATABASE, Tally
from tests.small_world import POLICY_DOCUMENT

DEADLINE_SECONDS = 60.0
CARDS = [f"card-{i}" for i in range(8)]


@pytest.fixture
def machine(servers_of_our_own: Infrastructure, tmp_path: Path) -> Iterator[Machine]:
    """A prepared installation, nothing started."""
    made = Machine(servers_of_our_own, tmp_path, "broken")
    policy = {**POLICY_DOCUMENT, "channels": {"pos": {"may": ["issue", "redeem"]}}}
    made.prepare(policy, time.time_ns() // 1_000_000)
    yield made
    made.stop()


def until(holds: Callable[[], bool], what: str, machine: Machine) -> None:
    """Look until it holds; fail with the logs when the deadline has passed."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return
        if machine.ended():
            break
        time.sleep(0.1)  # a look ten times a second at a condition, bounded by the deadline
    logs = "\n".join(f"{n}: {p.log_end(5)}" for n, p in machine.processes.items())
    raise AssertionError(f"{what} did not happen in {DEADLINE_SECONDS} s\n{logs}")


def rows(engine: Engine) -> int:
    """Journals in PostgreSQL; none while it is away."""
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM ledger.journal")).scalar_one())
    except OperationalError:
        return -1


def says(machine: Machine, name: str, event: str) -> bool:
    """Has the process logged this event?"""
    lines = machine.processes[name].plan.log.read_text().splitlines()
    return any(json.loads(line).get("event") == event for line in lines if line.startswith("{"))


def spend(channel: Channel, round: int) -> int:
    """One redemption on every card; how many there were."""
    for card in CARDS:
        channel.send(
            REDEMPTION_COMMANDS,
            f"r{round}",
            "redeem",
            card,
            amount=money(100),
            place={"location": "F2"},
        )
    channel.flush()
    return len(CARDS)


@pytest.mark.takes(35)
@pytest.mark.timeout(300)
def test_everything_goes_on_by_itself_after_database_and_broker_were_away(
    machine: Machine, tally: Tally
) -> None:
    database, kafka = machine.infra.database, machine.infra.kafka
    assert database is not None
    assert kafka is not None
    engine = open_tables(machine.database)
    database.kill()
    tally.faults[DATABASE] += 1
    machine.start_all()
    channel = Channel(machine)
    channel.issue(CARDS, 10_000)
    journals = len(CARDS)
    until(lambda: says(machine, "ledger/0", "waiting_for_postgres"), "word of waiting", machine)
    database.restart()
    until(lambda: rows(engine) == journals, "the journals of the sales", machine)

    database.kill()
    tally.faults[DATABASE] += 1
    journals += 2 * spend(channel, 1) + 2 * len(CARDS)
    until(lambda: len(read_topic(machine, LEDGER_JOURNALS)) == journals, "journals", machine)
    database.restart()
    until(lambda: rows(engine) == journals, "journals after the database was away", machine)

    kafka.kill()
    tally.faults[BROKER] += 1
    until(lambda: says(machine, "redemption/0", "kafka_is_away"), "word of waiting", machine)
    kafka.restart()
    journals += 2 * spend(channel, 2) + 2 * len(CARDS)
    until(lambda: rows(engine) == journals, "journals after the broker was away", machine)
    assert machine.ended() == []
