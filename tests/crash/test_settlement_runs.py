"""A settlement run is killed between any two of its steps: the same run, one file, sent once."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256

import pytest
from confluent_kafka import Producer
from sqlalchemy import Engine, select

from schemas.topics import REDEMPTION_BALANCES, REDEMPTION_COMMANDS, SETTLEMENT_BATCHES
from services.runtime.crash import EXIT_STATUS, Point
from services.runtime.kafka_settings import transactional_settings
from services.runtime.tables import open_tables
from services.settlement.tables import file, item
from tests.crash.fleet import Fleet
from tests.crash.publishing import Channel, body_of, money, read_topic
from tests.crash.resting import hold_to_invariants
from tests.crash.rota import OUTBOXES, RUNS
from tests.crash.settling import DAY

LONG = bool(os.environ.get("SCRIP_LONG"))
SEED = int(os.environ.get("SCRIP_SEED") or 3)
SEEDS = 3 if LONG else 1
SECONDS_MAX = 60.0
OUTBOX = "settlement/outbox"
RUN_DAYS = 14
RUNS_MAX = 50
CARDS = [f"card-{i}" for i in range(4)]
SHORT_RUNS = (Point.RUN_FILE_MADE, Point.BANK_WRITTEN, Point.RUN_TAKEN)
SHORT_OUTBOXES = (Point.OUTBOX_AFTER_COMMIT,)
FACTS = ("run_approved.v1", "file_built.v1", "file_transmitted.v1", "run_settled.v1")


class Office:
    """Uses cards, so that there is something to settle, and starts runs that are killed."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.fleet = fleet
        self.channel = Channel(fleet.machine)
        self.engine: Engine = open_tables(fleet.machine.database)
        self.runs: list[str] = []
        self._chance = random.Random(seed)
        # In the past, because Kafka takes no fact from the future.
        self._now = time.time_ns() // 1_000_000 - (RUNS_MAX + 1) * RUN_DAYS * DAY
        self.channel.issue(CARDS, 10_000_000)
        self._until(self._sold, "the cards never became live")

    def spend(self, round: str) -> None:
        """A use on every card; returns when its items have reached PostgreSQL."""
        before = self._accrued()
        for card in CARDS:
            amount = money(self._chance.randrange(100, 900))
            place = {"location": "F2"}
            self.channel.send(
                REDEMPTION_COMMANDS, f"use-{round}", "redeem", card, amount=amount, place=place
            )
        self.channel.flush()
        self._until(lambda: self._accrued() >= before + len(CARDS), "the uses never became items")

    def carry(self, crash_at: str | None = None) -> None:
        """A run from start to close; killed at a point and started again, if one is given."""
        name = f"run-{len(self.runs)}"
        self.runs.append(name)
        self._now += RUN_DAYS * DAY
        self.spend(name)
        program = f"settling/{name}"
        self.fleet.start(program, crash_at, (name, str(self._now)))
        status = self._ended(program)
        if crash_at is not None:
            assert status == EXIT_STATUS, f"{crash_at}: {status}\n{self.fleet.log_end(program)}"
            self.fleet.start(program, None, (name, str(self._now)))
            status = self._ended(program)
        assert status == 0, f"{name} after {crash_at}\n{self.fleet.log_end(program)}"

    def _ended(self, program: str) -> int:
        deadline = time.monotonic() + SECONDS_MAX
        while (status := self.fleet.finished(program)) is None:
            assert time.monotonic() < deadline, self.fleet.log_end(program)
            time.sleep(0.02)  # a look at a condition, bounded by the deadline
        return status

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while not holds():
            assert time.monotonic() < deadline, what
            time.sleep(0.05)  # a look at a condition, bounded by the deadline

    def _sold(self) -> bool:
        rows = read_topic(self.fleet.machine, REDEMPTION_BALANCES)
        return {record.key for record in rows} >= {card.encode() for card in CARDS}

    def _accrued(self) -> int:
        with self.engine.connect() as connection:
            return len(connection.execute(select(item.c.item)).all())


def each_run_once(office: Office) -> None:
    """Of every run: one file in the bank's folder with the bytes that are kept, each fact once."""
    folder = office.fleet.machine.bank_folder
    with office.engine.connect() as connection:
        files = list(connection.execute(select(file)).mappings())
    assert sorted(row["run"] for row in files) == sorted(office.runs)
    there = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: sha256(content).hexdigest() for name, content in there.items()} == {
        row["name"]: row["sha256"] for row in files
    }
    told = Counter(
        (fact["subject"], fact["type"])
        for fact in map(body_of, read_topic(office.fleet.machine, SETTLEMENT_BATCHES))
    )
    wanted = {(run, type): 1 for run in office.runs for type in (*FACTS, "run_closed.v1")}
    assert dict(told) == wanted


@pytest.mark.timeout(600 if LONG else 150)
@pytest.mark.parametrize("seed", range(SEED, SEED + SEEDS))
def test_a_run_killed_anywhere_is_one_run_with_one_file(
    seed: int, fleet_of: Callable[[str], Fleet]
) -> None:
    """Every step of a run and of the outbox that tells of it."""
    began = time.monotonic()
    fleet = fleet_of("runs")
    _start_all(fleet)
    office = Office(fleet, seed)
    points = list(RUNS if LONG else SHORT_RUNS)
    random.Random(seed).shuffle(points)
    for point in points:
        office.carry(f"{point}:1")
    for point in OUTBOXES if LONG else SHORT_OUTBOXES:
        fleet.kill(OUTBOX)
        fleet.start(OUTBOX, f"{point}:1", ("outbox",))
        office.carry()
        _until_crashed(fleet, OUTBOX, point)
        fleet.start(OUTBOX, None, ("outbox",))
    facts = hold_to_invariants(fleet.machine, office.engine, operations=True)
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
    _start_all(fleet, f"{Point.OUTBOX_IN_DOUBT}:1")
    office = Office(fleet, 1)
    office.carry()
    identity = f"{fleet.machine.namespace}.scrip-settlement-outbox"
    settings = transactional_settings(fleet.machine.infra.bootstrap, identity)
    Producer(settings).init_transactions(30)
    office.carry()
    _until_crashed(fleet, OUTBOX, Point.OUTBOX_IN_DOUBT)
    fleet.start(OUTBOX, None, ("outbox",))
    hold_to_invariants(fleet.machine, office.engine, operations=True)
    each_run_once(office)


def _start_all(fleet: Fleet, outbox_crash: str | None = None) -> None:
    """The outbox is a process of its own, so that it can die while items go on."""
    for name in ("issuance/0", "redemption/a", "ledger/0"):
        fleet.start(name)
    fleet.start("settlement/0", None, ("worker", "sink"))
    fleet.start(OUTBOX, outbox_crash, ("outbox",))


def _until_crashed(fleet: Fleet, name: str, point: Point) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not fleet.crashed(name):
        assert time.monotonic() < deadline, f"{name} never came to {point}"
        time.sleep(0.02)  # a look at a condition, bounded by the deadline
