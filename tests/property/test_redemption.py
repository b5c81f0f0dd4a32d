"""Whatever is asked of accounts in whatever order, their balances stay true."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.charge_back_truths import check_sales
from tests.property.redemption_history import History, open_network
from tests.property.redemption_truths import check, check_books, check_facts


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.sampled_from([10, 40, 80]),
    late=st.sampled_from(["honour_if_available", "honour_with_exception", "reject"]),
    draw=st.permutations(["promo", "soonest_expiring", "oldest"]),
    scattered=st.booleans(),
)
def test_balances_books_and_fold_hold_after_any_history(
    seed: int, steps: int, late: str, draw: list[str], scattered: bool
) -> None:
    scenario = open_network(late, draw)
    scenario.chance = Random(seed) if scattered else None
    history = History(scenario, Random(seed))
    for _ in range(steps):
        history.step()
        check(scenario)
    history.charge_back_all()
    scenario.sweep()
    check(scenario)
    check_sales(scenario)
    check_facts(scenario)
    check_books(scenario)
    assert scenario.folded() == scenario.rows
