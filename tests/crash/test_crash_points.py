"""A process dies at every named point, under traffic; started again, every invariant holds."""

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from services.runtime.crash import Point
from tests.crash.fleet import Fleet
from tests.crash.publishing import Channel
from tests.crash.resting import rests
from tests.crash.rota import ALL, AT_WORK, BY_NETWORK, OUTBOXES, PROVOKED, RUNS, Rota
from tests.crash.trading import Trade

LONG = bool(os.environ.get("SCRIP_LONG"))
SEED = int(os.environ.get("SCRIP_SEED") or 11)
SEEDS = 5 if LONG else 1
RATE = 60
CARDS = [f"card-{i}" for i in range(24)]
RANDOM_KILLS = 30 if LONG else 4
KILL_SECONDS_MAX = 1.5
# What the short run goes through; the rest of the points is for `make crash`.
SHORT = (
    Point.AFTER_COMMITTED,
    Point.SLICE_READ,
    Point.FACT_PRODUCED,
    Point.REPLY_PRODUCED,
    Point.ROW_PRODUCED,
    Point.AFTER_OFFSETS,
    Point.AFTER_FLUSH,
    Point.AFTER_COMMIT,
    Point.BETWEEN_APPLIES,
    Point.SWEEP_SENT,
    Point.SINK_AFTER_POSITION,
    Point.SINK_AFTER_ROWS,
    Point.SINK_AFTER_WRITE,
)


def trading(fleet: Fleet, seed: int) -> tuple[Channel, Trade]:
    """Cards that are sold, and traffic on them."""
    channel = Channel(fleet.machine)
    channel.issue(CARDS, 1_000_000)
    trade = Trade(channel, CARDS, RATE, seed)
    trade.start()
    return channel, trade


def test_every_point_is_hit_by_some_test() -> None:
    assert sorted((*AT_WORK, *PROVOKED, *BY_NETWORK, *OUTBOXES, *RUNS)) == sorted(Point)


@pytest.mark.takes(40)
@pytest.mark.timeout(600 if LONG else 400)
@pytest.mark.parametrize("seed", range(SEED, SEED + SEEDS))
def test_services_killed_at_their_points_lose_nothing_and_repeat_nothing(
    seed: int, fleet_of: Callable[[str], Fleet]
) -> None:
    """Every point of worker and sink, then random kill -9, in one installation."""
    began = time.monotonic()
    fleet = fleet_of("points")
    chance = random.Random(seed)
    rota = Rota(fleet, chance)
    points = list(AT_WORK if LONG else SHORT)
    chance.shuffle(points)
    rota.deal(points)
    _, trade = trading(fleet, seed)
    rota.start()
    rota.run()
    assert len(rota.died) == len(points)
    for _ in range(RANDOM_KILLS):
        time.sleep(chance.random() * KILL_SECONDS_MAX)  # its length is part of the fault
        name = chance.choice(ALL)
        fleet.kill(name, signal.SIGKILL)
        fleet.start(name)
    trade.end()
    through = time.monotonic()
    facts = rests(fleet)
    print(
        f"\nseed {seed}: {fleet.kills} kills at {len(set(points))} points, {facts} facts, "
        f"0 violations, {through - began:.0f} s and {time.monotonic() - through:.0f} s to check"
    )
