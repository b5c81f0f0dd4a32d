"""Splitting money loses nothing, favours nobody, and rounds the way people are taught."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.money import MINOR_MAX, apportion, half_up, in_units

WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(lambda ws: sum(ws) > 0)
TOTALS = st.integers(0, 10**9)


@given(TOTALS, WEIGHTS)
def test_the_shares_add_up(total: int, weights: list[int]) -> None:
    assert sum(apportion(total, weights)) == total


@given(TOTALS, WEIGHTS)
def test_each_share_is_its_exact_part_rounded_down_or_up(total: int, weights: list[int]) -> None:
    for share, weight in zip(apportion(total, weights), weights, strict=True):
        exact = Fraction(total * weight, sum(weights))
        assert int(exact) <= share <= -int(-exact // 1)


@given(WEIGHTS, st.data())
def test_no_share_exceeds_its_weight_where_there_is_room(
    weights: list[int], draw: st.DataObject
) -> None:
    total = draw.draw(st.integers(0, sum(weights)))
    shares = apportion(total, weights)
    assert all(share <= weight for share, weight in zip(shares, weights, strict=True))


@given(TOTALS, st.integers(1, 10**6), st.integers(1, 12))
def test_of_equal_weights_the_earlier_takes_the_odd_cent(
    total: int, weight: int, count: int
) -> None:
    shares = apportion(total, [weight] * count)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] - shares[-1] <= 1


@given(TOTALS, WEIGHTS, st.integers(1, 1000))
def test_only_the_proportion_of_weights_counts(total: int, weights: list[int], factor: int) -> None:
    assert apportion(total, weights) == apportion(total, [weight * factor for weight in weights])


def test_nothing_is_split_into_nothing() -> None:
    assert apportion(0, [0, 0]) == [0, 0]
    assert apportion(0, []) == []
    assert apportion(1, [0, 1, 0]) == [0, 1, 0]


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.integers(1, 10**6))
def test_half_up_is_the_nearest_integer(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    rounded = half_up(numerator, denominator)
    assert abs(rounded - exact) <= Fraction(1, 2)
    if abs(rounded - exact) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.integers(1, 10**6))
def test_half_up_is_the_same_on_both_sides_of_nothing(numerator: int, denominator: int) -> None:
    assert half_up(-numerator, denominator) == -half_up(numerator, denominator)


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (2500, "USD", "25.00 USD"),
        (5, "EUR", "0.05 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (500, "JPY", "500 JPY"),
        (0, "KRW", "0 KRW"),
        (1500, "KWD", "1.500 KWD"),
        (-1, "TND", "-0.001 TND"),
        (12345, "UYW", "1.2345 UYW"),
        (123456789, "USD", "1,234,567.89 USD"),
        (-1234567, "JPY", "-1,234,567 JPY"),
    ],
)
def test_an_amount_is_said_with_the_decimals_of_its_currency(
    minor: int, currency: str, said: str
) -> None:
    assert in_units(minor, currency) == said
