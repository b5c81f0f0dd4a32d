"""Workers come and go: who takes over, how soon, and that nobody acts on what is not his."""

import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topics import REDEMPTION_REPLIES
from services.runtime.crash import Point
from services.runtime.kafka_settings import reader_settings, transactional_settings
from services.runtime.tables import open_tables
from tests.crash.fleet import Fleet
from tests.crash.publishing import Channel
from tests.crash.resting import hold_to_invariants
from tests.crash.rota import ALL
from tests.crash.trading import Trade

LONG = bool(os.environ.get("SCRIP_LONG"))
RATE = 60
CARDS = [f"card-{i}" for i in range(24)]
STORM_SECONDS = 30.0
STORM_STEP_SECONDS = 0.5
RETURNS = 20
LEAVINGS = 10
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


class Replies:
    """Sees redemption's committed replies come, partition by partition."""

    def __init__(self, fleet: Fleet) -> None:
        machine = fleet.machine
        settings = reader_settings(machine.infra.bootstrap, "read_committed")
        self._consumer = Consumer({**settings, "enable.partition.eof": False})
        topic = REDEMPTION_REPLIES.named(machine.namespace)
        self._consumer.assign([TopicPartition(topic, n, 0) for n in range(machine.partitions)])
        self.seen = 0

    def more(self, seconds: float) -> int:
        """How many have come, waiting at most so long for the first."""
        found = self._consumer.consume(1, seconds)
        if found:
            found += self._consumer.consume(5_000, 0)
        self.seen += len(found)
        return len(found)

    def until_quiet(self) -> None:
        """Take all that is there."""
        while self.more(0.3):
            pass

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


def first_commit(replies: Replies, since: float) -> float:
    """Seconds from a kill to the next committed reply of anybody."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not replies.more(0.05):
        assert time.monotonic() < deadline, "nobody commits any more"
    return time.monotonic() - since


@pytest.mark.skipif(not LONG, reason="thirty kills, one after the other: make crash")
@pytest.mark.timeout(600)
def test_the_first_commit_after_kill_9_comes_within_ten_seconds(fleet: Fleet, trade: Trade) -> None:
    """The only worker is killed and started again; or never returns, and one in reserve goes on."""
    replies = Replies(fleet)
    fleet.start("redemption/a")
    first_commit(replies, time.monotonic())
    returned, taken_over = [], []
    for _ in range(RETURNS):
        killed = fleet.kill("redemption/a")
        replies.until_quiet()
        fleet.start("redemption/a")
        returned.append(first_commit(replies, killed))
    for number in range(LEAVINGS):
        gone, stays = ("a", "b") if number % 2 == 0 else ("b", "a")
        _with_all(fleet, replies, f"redemption/{gone}")
        killed = fleet.kill(f"redemption/{gone}")
        replies.until_quiet()
        fleet.start(f"redemption/{stays}")
        taken_over.append(first_commit(replies, killed))
    replies.close()
    for what, times in (("returned", returned), ("taken over", taken_over)):
        print(
            f"\nfirst commit, {what}, {len(times)} times: largest {max(times):.2f} s, "
            f"median {statistics.median(times):.2f} s"
        )
        assert max(times) <= FIRST_COMMIT_SECONDS_MAX, times


def _with_all(fleet: Fleet, replies: Replies, name: str) -> None:
    """Let this worker, running now or started, be the one that commits."""
    if name not in fleet.running:
        fleet.start(name)
    first_commit(replies, time.monotonic())


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
    for name in members:
        fleet.kill(name, signal.SIGTERM)
    trade.end()
    facts = hold_to_invariants(fleet.machine, open_tables(fleet.machine.database))
    print(f"\nstorm: {number} members came and went, {facts} facts, 0 violations")


@pytest.mark.skipif(not LONG, reason="make crash")
@pytest.mark.timeout(240)
def test_workers_killed_when_others_interfere_lose_nothing(fleet: Fleet, trade: Trade) -> None:
    """Killed as a partition is taken away; and when a rival of its identity has fenced it."""
    fleet.start("redemption/a", f"{Point.REVOKED}:1")
    replies = Replies(fleet)
    first_commit(replies, time.monotonic())
    fleet.start("redemption/b")
    _until_dead(fleet, "redemption/a")
    identity = f"{fleet.machine.namespace}.scrip-redemption-a"
    for point in PROVOKED_BY_RIVAL:
        fleet.start("redemption/a", f"{point}:1")
        replies.until_quiet()
        first_commit(replies, time.monotonic())
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not fleet.crashed("redemption/a"):
            assert time.monotonic() < deadline, fleet.log_end("redemption/a")
            rival = Producer(transactional_settings(fleet.machine.infra.bootstrap, identity))
            rival.init_transactions(30)
            time.sleep(1.0)  # the next rival comes a second later, until one met a transaction
    fleet.start("redemption/a")
    trade.end()
    replies.close()
    hold_to_invariants(fleet.machine, open_tables(fleet.machine.database))


def _until_dead(fleet: Fleet, name: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not fleet.crashed(name):
        assert time.monotonic() < deadline, fleet.log_end(name)
        time.sleep(0.02)  # a look at a condition, bounded by the deadline
