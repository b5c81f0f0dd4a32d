"""The standard chart: policy may give its accounts other numbers, and no others."""

from schemas.policy_bounds import STANDARD_ACCOUNTS
from services.ledger import chart


def test_policy_may_renumber_exactly_the_standard_accounts() -> None:
    numbers = {
        value for value in vars(chart).values() if isinstance(value, str) and value.isdigit()
    }
    assert numbers == STANDARD_ACCOUNTS
