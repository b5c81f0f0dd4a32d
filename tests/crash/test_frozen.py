"""Processes freeze at named points, others take over; woken later, they write nothing that counts.

What was frozen knows nothing of it: it goes on in the middle of its transaction, its file, its
rows. Kafka's group and epochs, PostgreSQL's positions and the bank's folder must stop it.
"""

import os
import random
import signal
import time
from collections import Counter, deque
from collections.abc import Callable

import pytest

from services.runtime.crash import Point
from services.runtime.process import EXIT_FENCED
from tests.crash.fleet import Fleet
from tests.crash.groups import Groups, until
from tests.crash.office import OUTBOX, Office, each_run_once, start_all
from tests.crash.publishing import Channel
from tests.crash.resting import rests
from tests.crash.rota import ALL, AT_WORK, OUTBOXES, RUNS, SINKS, can_die_at
from tests.crash.settling import BESIDE
from tests.crash.trading import Trade

pytestmark = pytest.mark.skipif(
    not os.environ.get("SCRIP_LONG"), reason="each takes its successor's time: make crash"
)
SEED = int(os.environ.get("SCRIP_SEED") or 17)
RATE = 60
CARDS = [f"card-{i}" for i in range(24)]
SERVICES = ("redemption", "issuance", "ledger", "settlement")
LOOPS = {"ledger": ("worker", "sink"), "settlement": ("worker", "sink")}
LONGER_SECONDS_MAX = 3.0
REPLACED_AT = (
    Point.POLLED,
    Point.AFTER_BEGIN,
    Point.FACT_PRODUCED,
    Point.REPLY_PRODUCED,
    Point.ROW_PRODUCED,
    Point.AFTER_PRODUCE,
    Point.AFTER_OFFSETS,
    Point.AFTER_FLUSH,
    Point.AFTER_COMMIT,
    Point.BETWEEN_APPLIES,
)


def until_frozen(fleet: Fleet, name: str, point: Point) -> None:
    """It stands still at its point."""
    groups = Groups(fleet.machine)
    until(
        lambda: fleet.frozen(name),
        lambda: f"{name} never came to {point}\n{groups.members()}\n{fleet.log_end(name)}",
    )


def ended(fleet: Fleet, name: str, point: Point) -> int:
    """How it has ended, once it has."""
    until(
        lambda: fleet.finished(name) is not None,
        lambda: f"{name} lives on after {point}\n{fleet.log_end(name)}",
    )
    return fleet.finished(name) or 0


def trading(fleet: Fleet) -> Trade:
    """Traffic on cards that are sold, in an installation where nothing runs yet."""
    channel = Channel(fleet.machine)
    channel.issue(CARDS, 1_000_000)
    made = Trade(channel, CARDS, RATE, SEED)
    made.start()
    return made


def dealt(chance: random.Random) -> list[dict[str, Point]]:
    """Rounds of one point for each service, until every point at work has had its turn."""
    lists: dict[str, deque[Point]] = {service: deque() for service in SERVICES}
    points = list(AT_WORK)
    chance.shuffle(points)
    for point in sorted(points, key=lambda point: len(can_die_at(point))):
        able = [name.partition("/")[0] for name in can_die_at(point)]
        if point in SINKS:
            # Of settlement's sink one of two members may hold nothing but the quiet topic of runs.
            able = ["ledger"]
        lists[min(able, key=lambda service: len(lists[service]))].append(point)
    rounds = []
    while any(lists.values()):
        rounds.append({service: left.popleft() for service, left in lists.items() if left})
    return rounds


def begun(fleet: Fleet, name: str, crash_at: str | None = None) -> None:
    """Start a process without its outbox: of those there is one in an installation."""
    service = name.partition("/")[0]
    fleet.start(name, crash_at, LOOPS.get(service, ()))


def test_processes_frozen_at_their_points_write_nothing_when_they_wake(
    fleet_of: Callable[[str], Fleet],
) -> None:
    """One of two processes of each service freezes; the other takes its partitions; it wakes."""
    fleet = fleet_of("frozen")
    groups, chance = Groups(fleet.machine), random.Random(SEED)
    for service in SERVICES:
        begun(fleet, f"{service}/stays")
    trade, rounds = trading(fleet), dealt(chance)
    for points in rounds:
        print(f"\nfreezing {points}")
        names = [f"{service}/freezes" for service in points]
        for name, point in zip(names, points.values(), strict=True):
            begun(fleet, name, f"{point}:1:freeze")
        for name, point in zip(names, points.values(), strict=True):
            until_frozen(fleet, name, point)
        until(lambda: not groups.have("freezes"), lambda: f"{groups.members()} keep it")
        time.sleep(chance.random() * LONGER_SECONDS_MAX)  # how long it sleeps is part of the fault
        for name in names:
            fleet.send(name, signal.SIGCONT)
        until(lambda: groups.have("freezes"), lambda: "it never came back")
        for name in names:
            assert fleet.finished(name) is None, f"{points}\n{fleet.log_end(name)}"
            fleet.kill(name, signal.SIGTERM)
    trade.end()
    print(f"\nfrozen in {len(rounds)} rounds: {rests(fleet)} facts, 0 violations")


@pytest.mark.timeout(600)
def test_a_frozen_process_whose_slot_was_taken_ends_when_it_wakes(
    fleet_of: Callable[[str], Fleet],
) -> None:
    """What restarts a dead machine's process starts a second one in its slot, at once."""
    fleet = fleet_of("replaced")
    for name in ALL[1:]:
        fleet.start(name)
    trade = trading(fleet)
    for point in REPLACED_AT:
        fleet.start("redemption/a", f"{point}:2:freeze")
        until_frozen(fleet, "redemption/a", point)
        fleet.start("redemption/a#2")
        until_ready(fleet, "redemption/a#2")
        fleet.send("redemption/a", signal.SIGCONT)
        assert ended(fleet, "redemption/a", point) == EXIT_FENCED, fleet.log_end("redemption/a")
        assert fleet.finished("redemption/a#2") is None, fleet.log_end("redemption/a#2")
        fleet.kill("redemption/a#2")
        fleet.log("redemption/a#2").unlink()
    fleet.start("redemption/a")
    trade.end()
    print(f"\nreplaced at {len(REPLACED_AT)} points: {rests(fleet)} facts, 0 violations")


def until_ready(fleet: Fleet, name: str) -> None:
    """It has restored every partition."""

    def ready() -> bool:
        log = fleet.log(name)
        said = log.read_text() if log.exists() else ""
        return said.count('"partition_ready"') >= fleet.machine.partitions

    until(ready, lambda: fleet.log_end(name))


def test_a_run_frozen_anywhere_while_another_carries_it_out_is_one_run_with_one_file(
    fleet_of: Callable[[str], Fleet],
) -> None:
    """Two processes carry out one run, the first frozen at each of its steps; outboxes likewise."""
    fleet, chance = fleet_of("runs"), random.Random(SEED)
    start_all(fleet)
    office = Office(fleet, SEED)
    ends = Counter[int]()
    for point in chance.sample(RUNS, len(RUNS)):
        first = office.prepare_run()
        office.settle(first, f"{point}:1:freeze", BESIDE)
        until_frozen(fleet, first, point)
        office.settle(f"{first}#2", None, BESIDE)
        # Where the first holds a row, the second waits for it: then it is not the end that comes.
        wait_for(fleet, f"{first}#2", chance)
        fleet.send(first, signal.SIGCONT)
        assert office.ended(f"{first}#2") == 0, f"{point}\n{fleet.log_end(first + '#2')}"
        status = office.ended(first)
        ends[status] += 1
        if status:
            print(f"\nfrozen at {point}:\n{fleet.log_end(first, 20)}")
    for point in OUTBOXES:
        fleet.kill(OUTBOX)
        fleet.start(OUTBOX, f"{point}:1:freeze", ("outbox",))
        office.carry()
        until_frozen(fleet, OUTBOX, point)
        fleet.start(f"{OUTBOX}#2", None, ("outbox",))
        office.carry()
        fleet.send(OUTBOX, signal.SIGCONT)
        office.carry()
        fleet.kill(f"{OUTBOX}#2", signal.SIGTERM)
    facts = rests(fleet, operations=True)
    each_run_once(office)
    print(f"\n{len(office.runs)} runs, the frozen ones ended with {dict(ends)}; {facts} facts")


def wait_for(fleet: Fleet, name: str, chance: random.Random) -> None:
    """Until it has ended, but no longer than chance will have it."""
    deadline = time.monotonic() + LONGER_SECONDS_MAX * (1 + chance.random())
    while fleet.finished(name) is None and time.monotonic() < deadline:
        time.sleep(0.05)  # a look at a condition, bounded by the deadline
