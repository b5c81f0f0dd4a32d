"""Seeds of the simulator: whatever goes wrong, nothing is lost, doubled, or other on replay.

The seeds of `make test` are few; `make simulate` plays as many as it is told (tests/simulation).
"""

from dataclasses import replace

import pytest

from tests.simulation.scenes import DRAWN, scene_of
from tests.simulation.simulation import FAULTS_MIN, simulate

# The first of the long ones; one where a store is written days after its batch was committed; one
# where a database loses what it had acknowledged while its sink goes on; one where an open
# transaction hides that value was sent, and not that it arrived.
SEEDS = (*range(160), 255, 836, 2722, 8080)
BUNCH = 20


@pytest.mark.parametrize("first", range(0, len(SEEDS), BUNCH))
def test_every_invariant_holds_at_every_step_and_at_rest(first: int) -> None:
    outcomes = [simulate(seed) for seed in SEEDS[first : first + BUNCH]]
    broken = [outcome for outcome in outcomes if outcome.violation is not None]
    assert not broken, "\n\n".join(outcome.story for outcome in broken[:3])
    assert all(outcome.faults >= FAULTS_MIN for outcome in outcomes)


def test_a_seed_is_one_history() -> None:
    one, again = simulate(7), simulate(7)
    assert one == again
    assert simulate(8).history != one.history


def test_the_seeds_of_a_test_run_play_every_scene_on_memory_and_on_disks() -> None:
    scenes = [scene_of(seed) for seed in SEEDS]
    assert {scene.name for scene in scenes} == {drawn[0] for drawn in DRAWN}
    assert {scene.stores for scene in scenes} == {"memory", "warm"}


@pytest.mark.parametrize("seed", [3, 5, 6])
def test_every_invariant_holds_on_rocksdb_too(seed: int) -> None:
    outcome = simulate(seed, scene=replace(scene_of(seed), stores="rocksdb"))
    assert outcome.violation is None, outcome.story
