"""Seeds of the simulator: whatever goes wrong, nothing is lost, doubled, or other on replay.

SCRIP_SEEDS says how many seeds (default: what half a minute takes), SCRIP_SEED runs one alone.
"""

import os

import pytest

from tests.simulation.simulation import FAULTS_MIN, simulate

SEEDS = int(os.environ.get("SCRIP_SEEDS") or 50)
SEED = os.environ.get("SCRIP_SEED")
BUNCH = 10


def bunches() -> list[range]:
    """The seeds, some at a time, so that a test has an end in sight."""
    if SEED:
        return [range(int(SEED), int(SEED) + 1)]
    return [range(first, min(first + BUNCH, SEEDS)) for first in range(0, SEEDS, BUNCH)]


@pytest.mark.parametrize("seeds", bunches(), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_every_invariant_holds_at_every_step_and_at_rest(seeds: range) -> None:
    outcomes = [simulate(seed) for seed in seeds]
    broken = [outcome for outcome in outcomes if outcome.violation is not None]
    assert not broken, "\n\n".join(outcome.story for outcome in broken[:3])
    assert all(outcome.faults >= FAULTS_MIN for outcome in outcomes)


def test_a_seed_is_one_history() -> None:
    one, again = simulate(7), simulate(7)
    assert one == again
    assert simulate(8).history != one.history
