"""A bound read from a row's bytes is never later than what the row itself says."""

from random import Random
from types import ModuleType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.topics import ISSUANCE_MEMORY, REDEMPTION_BALANCES, REDEMPTION_MEMORY
from services.issuance import card
from services.redemption import balance
from services.runtime.bounds import Bounds
from services.runtime.rowcodec import CoreRows
from tests.property.redemption_history import History, open_network
from tests.property.test_issuance import STEPS, play

DRAW = ["promo", "soonest_expiring", "oldest"]


def bound(core: ModuleType, codec: CoreRows, rows: dict[str, Any]) -> tuple[int, int]:
    """Check every row; how many have a due, and how many are forgotten one day."""
    bounds = Bounds(core, codec)
    dues = forgettings = 0
    for key, row in rows.items():
        value = codec.write(key, row)
        exact = min((due.at for due in core.dues(key, row)), default=None)
        assert [due.at for due in bounds.exactly_due(key, bounds.read(key, value))] == [
            due.at for due in core.dues(key, row)
        ]
        until = core.forgotten_at(key, row)
        assert bounds.exactly_forgotten(key, value) == until
        if exact is not None:
            first = bounds.of(key, value)[0]
            assert first is not None
            assert first <= exact
            dues += 1
        if until is not None:
            first = bounds.of(key, value)[1]
            assert first is not None
            assert first <= until
            forgettings += 1
    return dues, forgettings


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_of_accounts_holds_and_captures(seed: int) -> None:
    codec = CoreRows(balance.ROWS, REDEMPTION_MEMORY, REDEMPTION_BALANCES)
    scenario = open_network("honour_if_available", DRAW)
    history = History(scenario, Random(seed))
    assert bound(balance, codec, scenario.rows)[0] > 0
    for _ in range(6):
        for _ in range(10):
            history.step()
        bound(balance, codec, scenario.rows)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_of_cards_and_sales(steps: list[Any]) -> None:
    codec = CoreRows(card.ROWS, ISSUANCE_MEMORY, None)
    rows = play(steps).rows
    dues, _ = bound(card, codec, rows)
    assert dues == sum("/" not in key and row.state == "Activating" for key, row in rows.items())
