"""Workers come and go: who takes over, how soon, and that nobody acts on what is not his."""

import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from services.runtime.crash import Point
from services.runtime.kafka_settings import transactional_settings
from tests.crash.fleet import Fleet
from tests.crash.groups import Commits, Groups, until
from tests.crash.publishing import Channel
from tests.crash.resting import rests
from tests.crash.rota import ALL
from tests.crash.tally import JOINED
from tests.crash.trading import Trade

LONG = bool(os.environ.get("SCRIP_LONG"))
RATE = 60
CARDS = [f"card-{i}" for i in range(24)]
STORM_SECONDS = 60.0
STORM_STEP_SECONDS = 0.5
KILLS = 30
FIRST_COMMIT_SECONDS_MAX = 10.0
WAIT_SECONDS_MAX = 60.0
PROVOKED_BY_RIVAL = (Point.BATCH_DROPPED, Point.PRODUCER_ABANDONED)


@pytest.fixture
def fleet(fleet_of: Callable[[str], Fleet]) -> Fleet:
    """One installation with everything but redemption started."""
    made = fleet_of("members")
    for name in ALL:
        if not name.startswith("redemption"):
            made.start(name)
    return made


@pytest.fixture
def trade(fleet: Fleet) -> Iterator[Trade]:
    """Traffic on cards that are sold."""
    channel = Channel(fleet.machine)
    channel.issue(CARDS, 1_000_000)
    made = Trade(channel, CARDS, RATE, 4)
    made.start()
    yield made
    made.end()


@pytest.mark.skipif(not LONG, reason="sixty kills, one after the other: make crash")
@pytest.mark.timeout(900)
def test_the_first_commit_after_kill_9_comes_within_ten_seconds(fleet: Fleet, trade: Trade) -> None:
    """Killed and started again at once, time after time."""
    commits = Commits(fleet.machine)
    fleet.start("redemption/a")
    times = []
    for _ in range(KILLS):
        commits.on_all()
        killed = fleet.kill("redemption/a")
        commits.from_now_on()
        fleet.start("redemption/a")
        times.append(min(commits.first(range(fleet.machine.partitions), killed)))
    commits.close()
    trade.end()
    rests(fleet)
    _within_bounds("returned", times)


@pytest.mark.skipif(not LONG, reason="sixty kills, one after the other: make crash")
@pytest.mark.timeout(900)
def test_another_takes_over_within_ten_seconds_when_the_killed_never_returns(
    fleet: Fleet, trade: Trade
) -> None:
    """Two share the partitions; one is killed for good, and each of its partitions goes on."""
    commits, groups = Commits(fleet.machine), Groups(fleet.machine)
    for slot in "ab":
        fleet.start(f"redemption/{slot}")
    first, last = [], []
    for number in range(KILLS):
        gone = "ab"[number % 2]
        until(lambda: _shared(groups), lambda: str(groups.members()))
        commits.on_all()
        held = groups.commands_of(gone)
        killed = fleet.kill(f"redemption/{gone}")
        commits.from_now_on()
        times = commits.first(held, killed)
        first.append(min(times))
        last.append(max(times))
        fleet.start(f"redemption/{gone}")
    commits.close()
    trade.end()
    rests(fleet)
    _within_bounds("taken over", first)
    _within_bounds("taken over, the last of its partitions", last)


def _shared(groups: Groups) -> bool:
    """Has each of two workers two of the four partitions?"""
    return {slot: len(groups.commands_of(slot)) for slot in "ab"} == {"a": 2, "b": 2}


def _within_bounds(what: str, times: list[float]) -> None:
    print(
        f"\nfirst commit, {what}, {len(times)} times: largest {max(times):.2f} s, "
        f"median {statistics.median(times):.2f} s; load {os.getloadavg()[0]:.1f}"
    )
    assert max(times) <= FIRST_COMMIT_SECONDS_MAX, times


@pytest.mark.skipif(not LONG, reason="half a minute of storm: make crash")
@pytest.mark.timeout(240)
def test_nothing_is_lost_or_doubled_in_a_storm_of_rebalances(fleet: Fleet, trade: Trade) -> None:
    """Every half second a member joins or leaves, by a word or by kill -9."""
    fleet.start("redemption/a")
    chance = random.Random(9)
    members: list[str] = []
    until, number = time.monotonic() + STORM_SECONDS, 0
    while time.monotonic() < until:
        time.sleep(STORM_STEP_SECONDS)  # the step of the storm
        if len(members) < 2 or (len(members) < 4 and chance.random() < 0.5):
            number += 1
            members.append(f"redemption/storm-{number}")
            fleet.start(members[-1])
        else:
            leaving = members.pop(chance.randrange(len(members)))
            fleet.kill(leaving, chance.choice((signal.SIGKILL, signal.SIGTERM)))
        fleet.tally.faults[JOINED] += 1
    for name in members:
        fleet.kill(name, signal.SIGTERM)
    trade.end()
    facts = rests(fleet)
    print(f"\nstorm: {number} members came and went, {facts} facts, 0 violations")


@pytest.mark.skipif(not LONG, reason="make crash")
@pytest.mark.timeout(240)
def test_workers_killed_when_others_interfere_lose_nothing(fleet: Fleet, trade: Trade) -> None:
    """Killed as a partition is taken away; and when a rival of its identity has fenced it."""
    fleet.start("redemption/a", f"{Point.REVOKED}:1")
    commits = Commits(fleet.machine)
    commits.on_all()
    fleet.start("redemption/b")
    until(lambda: fleet.crashed("redemption/a"), lambda: fleet.log_end("redemption/a"))
    identity = f"{fleet.machine.namespace}.scrip-redemption-a"
    for point in PROVOKED_BY_RIVAL:
        fleet.start("redemption/a", f"{point}:1")
        commits.on_all()
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not fleet.crashed("redemption/a"):
            assert time.monotonic() < deadline, fleet.log_end("redemption/a")
            rival = Producer(transactional_settings(fleet.machine.infra.bootstrap, identity))
            rival.init_transactions(30)
            time.sleep(1.0)  # the next rival comes a second later, until one met a transaction
    fleet.start("redemption/a")
    trade.end()
    commits.close()
    rests(fleet)
