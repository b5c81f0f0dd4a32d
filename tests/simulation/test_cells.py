"""Every command in every state, with every fate of its batch: no cell of the table stays empty."""

import pytest

from tests.simulation.cells import every_cell, every_pair, hit
from tests.simulation.faults import LABELS

PARTS = 8
# The page says how many there are; who adds a command or a state adds to them.
CELLS_MIN = 1_700


@pytest.mark.parametrize("part", range(PARTS))
def test_every_cell_is_hit_and_every_invariant_holds_there(part: int) -> None:
    for pair in every_pair()[part::PARTS]:
        outcomes, left = hit(pair)
        broken = [outcome for outcome in outcomes if outcome.violation is not None]
        assert not broken, f"{pair}: {broken[0].story}"
        assert not left, f"{pair}: never {sorted(left)} in {len(outcomes)} worlds"


def test_the_table_has_every_command_in_every_state() -> None:
    assert len(every_cell()) == len(every_pair()) * len(LABELS) >= CELLS_MIN
