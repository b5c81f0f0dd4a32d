"""People who settle: they use cards, start runs, and look at what became of each of them."""

import random
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import Engine, select

from schemas.topics import REDEMPTION_BALANCES, REDEMPTION_COMMANDS, SETTLEMENT_BATCHES
from services.runtime.crash import EXIT_STATUS, Point
from services.runtime.tables import open_tables
from services.settlement.tables import file, item
from tests.crash.fleet import Fleet
from tests.crash.publishing import Channel, body_of, money, read_topic
from tests.crash.settling import DAY

SECONDS_MAX = 60.0
OUTBOX = "settlement/outbox"
RUN_DAYS = 14
RUNS_MAX = 50
CARDS = [f"card-{i}" for i in range(4)]
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
        program = self.prepare_run()
        self.settle(program, crash_at)
        status = self.ended(program)
        if crash_at is not None:
            assert status == EXIT_STATUS, f"{crash_at}: {status}\n{self.fleet.log_end(program)}"
            self.settle(program)
            status = self.ended(program)
        assert status == 0, f"{program} after {crash_at}\n{self.fleet.log_end(program)}"

    def prepare_run(self) -> str:
        """Something to settle, and the name of the program that will."""
        name = f"run-{len(self.runs)}"
        self.runs.append(name)
        self._now += RUN_DAYS * DAY
        self.spend(name)
        return f"settling/{name}"

    def settle(self, program: str, crash_at: str | None = None, *more: str) -> None:
        """Start the newest run's program, which `program` or `program#2` names."""
        self.fleet.start(program, crash_at, (self.runs[-1], str(self._now), *more))

    def ended(self, program: str) -> int:
        """How the program has ended, once it has."""
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


def start_all(fleet: Fleet, outbox_crash: str | None = None) -> None:
    """The outbox is a process of its own, so that it can die while items go on."""
    for name in ("issuance/0", "redemption/a", "ledger/0"):
        fleet.start(name)
    fleet.start("settlement/0", None, ("worker", "sink"))
    fleet.start(OUTBOX, outbox_crash, ("outbox",))


def until_crashed(fleet: Fleet, name: str, point: Point) -> None:
    """It has died at the point."""
    deadline = time.monotonic() + SECONDS_MAX
    while not fleet.crashed(name):
        assert time.monotonic() < deadline, f"{name} never came to {point}"
        time.sleep(0.02)  # a look at a condition, bounded by the deadline
