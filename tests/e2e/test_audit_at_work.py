"""The audit looks while everybody writes, and a worker dies: it calls nobody a forger."""

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from deploy.embedded.resolve import Infrastructure
from schemas.topics import LEDGER_JOURNALS, REDEMPTION_EVENTS
from services.local.machine import Machine
from services.runtime.ports import Log
from services.runtime.tables import open_tables
from services.runtime.waits import rest
from services.verify.auditing import Heads, audit, heads
from services.verify.verdicts import render
from tests.crash.publishing import Channel, Traffic
from tests.small_world import POLICY_DOCUMENT

AUDITS = 4
MORE = 100  # offsets between two audits, at least
LOOK_SECONDS = 0.1
CARDS = [f"card-{number}" for number in range(12)]
SECONDS_MAX = 120.0


@pytest.fixture
def machine(infra: Infrastructure, namespace: str, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(infra, tmp_path, namespace)
    channels = {"pos": {"may": ["issue", "redeem", "refund"]}}
    made.prepare({**POLICY_DOCUMENT, "channels": channels}, time.time_ns() // 1_000_000)
    made.start_all()
    # Inputs of one number may lie with different workers: their journals are mixed.
    made.start("redemption", "1")
    made.start("ledger", "1")
    yield made
    made.stop()


@pytest.mark.takes(15)
@pytest.mark.timeout(400)
def test_an_audit_finds_nothing_while_workers_write_and_one_is_killed(machine: Machine) -> None:
    channel = Channel(machine)
    channel.issue(CARDS, 1_000_000)
    traffic = Traffic(channel, CARDS, rate=30, seed=7)
    traffic.start()
    engine, log = open_tables(machine.database), machine.log()
    written, kept = 0, Heads()
    try:
        for number in range(AUDITS):
            if number == AUDITS // 2:
                machine.kill("redemption/1")
                machine.start("redemption", "1")
            written = more_than(log, written + MORE)
            found = audit(log, engine, kept)
            assert found.holds, render(found)
            kept = heads(log)
    finally:
        traffic.end()
        engine.dispose()
    assert kept


def more_than(log: Log, count: int) -> int:
    """Wait until facts and journals of uses end behind so many offsets; where they end."""
    reader, deadline = log.reader(), time.monotonic() + SECONDS_MAX
    numbers = range(log.partitions(LEDGER_JOURNALS.name))
    while time.monotonic() < deadline:
        places = product((REDEMPTION_EVENTS.name, LEDGER_JOURNALS.name), numbers)
        written = sum(reader.end_in_doubt(*place) for place in places)
        if written >= count:
            return written
        rest(LOOK_SECONDS)
    raise AssertionError(f"fewer than {count} offsets")
