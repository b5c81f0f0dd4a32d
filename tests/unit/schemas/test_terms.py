"""What policy says of a place and a day: the rate, the law."""

from schemas.instants import parse_instant
from schemas.policy_checks import read_policy
from schemas.terms import Policy
from tests.unit.schemas.test_policy import contract


def test_the_most_specific_rate_wins() -> None:
    policy = Policy(1, 0, read_policy(contract()))
    assert policy.rate("F1", "F2", "service") == 600
    assert policy.rate("F2", "F1", "service") == 500
    assert policy.rate("F1", "F2", "class") == 2000
    assert policy.rate("F1", "F2", "massage") is None
    assert not policy.rated("F1", "F2", "massage")


def test_law_of_the_country_holds_in_its_states_and_the_strictest_floor_counts() -> None:
    document = contract()
    document["law"].append({"jurisdiction": "US-CA", "expiry_floor_years": 7})
    policy = Policy(1, 0, read_policy(document))
    sold = parse_instant("2026-05-01T00:00:00Z")
    assert policy.expiry_floor("US-NY", sold, sold) == parse_instant("2031-05-01T00:00:00Z")
    assert policy.expiry_floor("US-CA", sold, sold) == parse_instant("2033-05-01T00:00:00Z")
    assert policy.expiry_floor("DE", sold, sold) is None


def test_a_law_row_counts_from_the_beginning_of_its_day_in_network_time() -> None:
    policy = Policy(1, 0, read_policy(contract()))
    before = parse_instant("2026-03-31T23:59:59-04:00")
    since = parse_instant("2026-04-01T00:00:00-04:00")
    assert [row for row in policy.laws("US-CA", before) if row.cash_out_below] == []
    assert [row.cash_out_below for row in policy.laws("US-CA", since) if row.cash_out_below] == [
        1500
    ]
