"""Whatever is asked of both services in whatever order, cards, balances and books stay true."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.whole_history import tell

LONG = bool(os.environ.get("SCRIP_LONG"))
STEPS = 150
HISTORIES = 6_668 if LONG else 0
SHARES = 4


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.sampled_from([20, 60, 120]))
def test_cards_balances_and_books_hold_after_any_history_of_both_services(
    seed: int, steps: int
) -> None:
    tell(seed, steps)


@pytest.mark.skipif(not LONG, reason="a million steps: make histories")
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("share", range(SHARES))
def test_they_hold_over_a_million_steps(share: int) -> None:
    for seed in range(share, HISTORIES, SHARES):
        try:
            tell(seed, STEPS)
        except AssertionError as broken:
            raise AssertionError(f"seed {seed}, {STEPS} steps") from broken
