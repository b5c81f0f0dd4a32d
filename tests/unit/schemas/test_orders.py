"""Whose store credit pays an order: the customer's before the company's, unless policy says."""

import pytest

from schemas.orders import Share, shares
from schemas.policy_checks import PolicyRefusedError, read_policy
from tests.small_world import POLICY_DOCUMENT

BOTH = ("customer", "company")


def test_the_customers_credit_goes_first_and_the_companys_covers_the_rest() -> None:
    assert shares(6_000, {"company": 9_000, "customer": 3_800}, BOTH) == [
        Share("customer", 3_800, 0),
        Share("company", 2_200, 3_800),
    ]


def test_policy_may_turn_the_order_round_or_leave_one_out() -> None:
    available = {"company": 9_000, "customer": 3_800}
    assert shares(6_000, available, ("company", "customer")) == [Share("company", 6_000, 0)]
    assert shares(6_000, available, ("customer",)) == [Share("customer", 3_800, 0)]


@pytest.mark.parametrize("total", [0, 1, 3_799, 3_800, 3_801, 50_000])
def test_no_more_than_the_total_and_no_more_than_there_is(total: int) -> None:
    found = shares(total, {"company": 900, "customer": 3_800}, BOTH)
    assert sum(share.minor for share in found) == min(total, 4_700)
    assert all(share.minor > 0 for share in found)


def test_an_owner_without_credit_or_with_less_than_none_is_left_out() -> None:
    assert shares(100, {"customer": -5}, BOTH) == []


def test_the_policy_says_the_order_and_the_customer_is_first_by_default() -> None:
    assert read_policy(POLICY_DOCUMENT).credit_order == list(BOTH)
    turned = {**POLICY_DOCUMENT, "credit_order": ["company", "customer"]}
    assert read_policy(turned).credit_order == ["company", "customer"]
    with pytest.raises(PolicyRefusedError, match="credit_order"):
        read_policy({**POLICY_DOCUMENT, "credit_order": ["nobody"]})
    with pytest.raises(PolicyRefusedError, match="credit_order"):
        read_policy({**POLICY_DOCUMENT, "credit_order": ["company", "company"]})
