"""Breakage of a cohort: the worked examples, and the bounds."""

from dataclasses import replace

import pytest

from services.ledger.breakage import Cohort, due, target

EXAMPLE = Cohort(sold=100_000, redeemed=54_000)


def test_income_follows_redemption_in_proportion() -> None:
    assert due(EXAMPLE, "proportional", 1_000) == 6_000


def test_a_new_estimate_posts_only_the_difference() -> None:
    assert due(replace(EXAMPLE, recognized=6_000), "proportional", 1_200) == 1_364


def test_a_lower_estimate_gives_income_back() -> None:
    assert due(replace(EXAMPLE, recognized=6_000), "proportional", 500) == 2_842 - 6_000


def test_what_has_expired_is_income_where_it_is_more() -> None:
    assert due(replace(EXAMPLE, recognized=6_000, expired=46_000), "proportional", 1_000) == 40_000


def test_the_expected_share_of_sales_is_the_most() -> None:
    assert target(Cohort(sold=100_000, redeemed=89_999), "proportional", 1_000) == 10_000
    assert target(Cohort(sold=100_000, redeemed=95_000), "proportional", 1_000) == 5_000


@pytest.mark.parametrize(("rate_bp", "expected"), [(0, 0), (10_000, 46_000)])
def test_nothing_and_everything_are_rates_too(rate_bp: int, expected: int) -> None:
    assert target(EXAMPLE, "proportional", rate_bp) == expected


def test_what_was_returned_lowers_what_was_sold() -> None:
    assert target(replace(EXAMPLE, gone=44_000), "proportional", 1_000) == 2_000


def test_what_goes_to_the_state_is_never_income() -> None:
    escheated = replace(EXAMPLE, escheated=44_000, expired=10_000)
    assert target(escheated, "proportional", 1_000) == 2_000


def test_remote_takes_the_idle_or_the_expired_whichever_is_more() -> None:
    assert target(replace(EXAMPLE, idle=300, expired=200), "remote") == 300
    assert target(replace(EXAMPLE, idle=100, expired=200), "remote") == 200


def test_without_a_method_only_what_expired_is_income() -> None:
    assert target(replace(EXAMPLE, idle=300, expired=200), "none") == 200


def test_a_late_redemption_gives_back_what_it_uses() -> None:
    late = replace(EXAMPLE, redeemed=100_000, recognized=6_000)
    assert due(late, "proportional", 1_000) == -6_000
