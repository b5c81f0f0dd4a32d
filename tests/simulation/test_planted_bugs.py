"""Bugs planted in the runner, the cores and around the database: seeds must find every one."""

import pytest

from tests.simulation import planted_in_cores, planted_in_runner, planted_in_tables
from tests.simulation.planting import Plant, sought

SEEDS_MAX = 150
PLANTS = [*planted_in_runner.PLANTS, *planted_in_cores.PLANTS, *planted_in_tables.PLANTS]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.break_it(monkeypatch)
    found = sought(plant, SEEDS_MAX)
    assert found is not None, f"{SEEDS_MAX} seeds see nothing wrong with it"
    outcome = found.outcome
    print(f"{plant.name}: seed {outcome.seed}, {found.played} played: {outcome.violation}"[:300])
