"""Where money moves: two runs and their bank under faults, and the bugs that only show there."""

from collections import Counter

import pytest

from tests.simulation.paying import paid
from tests.simulation.planted_in_runs import PLANTS
from tests.simulation.planting import UNPLANTED, Plant

SEEDS = range(4)
SEEDS_MAX = 8


def test_every_invariant_holds_where_money_moves_and_the_bank_is_faulty() -> None:
    places: Counter[tuple[str, str, str]] = Counter()
    for seed in SEEDS:
        outcome = paid(seed)
        assert outcome.violation is None, outcome.story
        places.update(outcome.places)
    struck = {boundary for _, boundary, _ in places}
    assert any(boundary.startswith("run_") for boundary in struck)
    assert "bank" in struck


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_bug_planted_in_runs_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.break_it(monkeypatch)
    violations = (paid(seed).violation for seed in range(SEEDS_MAX))
    found = next((violation for violation in violations if violation is not None), None)
    assert found is not None, f"{SEEDS_MAX} worlds see nothing wrong with it"
    assert not found.startswith(UNPLANTED), found
