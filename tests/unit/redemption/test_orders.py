"""Orders: the uses of one order on an account stay within its total, whatever ends or returns."""

from typing import Any

import pytest

from tests.scenario import Scenario
from tests.unit.redemption.network import usd, with_card


def order(total: int | None = 10_000, **more: Any) -> dict[str, Any]:
    said = {"id": "o1", **({} if total is None else {"total": usd(total)})}
    return {**said, **{name: usd(minor) for name, minor in more.items()}}


def spend(scenario: Scenario, id: str, minor: int, **more: Any) -> str | None:
    more.setdefault("order", order())
    return scenario.do("redeem", "c1", id, amount=usd(minor), **more).reason


def taken(scenario: Scenario) -> int:
    row = scenario.rows.get("c1/order/o1")
    return 0 if row is None else int(row.minor)


def test_uses_of_one_order_stay_within_its_total_though_each_has_ended() -> None:
    scenario = with_card(50_000)
    assert spend(scenario, "r1", 6_000) is None
    assert spend(scenario, "r2", 4_001) == "limit_exceeded"
    assert spend(scenario, "r3", 4_000) is None
    assert spend(scenario, "r4", 1) == "limit_exceeded"
    assert taken(scenario) == 10_000


def test_another_order_has_a_total_of_its_own() -> None:
    scenario = with_card(50_000)
    spend(scenario, "r1", 10_000)
    other = {"id": "o2", "total": usd(5_000)}
    assert spend(scenario, "r2", 5_000, order=other) is None


def test_a_use_without_a_total_counts_for_one_that_has_it() -> None:
    scenario = with_card(50_000)
    assert spend(scenario, "r1", 20_000, order=order(None)) is None
    assert spend(scenario, "r2", 1) == "limit_exceeded"


def test_what_others_cover_leaves_less_room() -> None:
    scenario = with_card(50_000)
    assert spend(scenario, "r1", 4_001, order=order(covered=6_000)) == "limit_exceeded"
    assert spend(scenario, "r2", 4_000, order=order(covered=6_000)) is None
    assert spend(scenario, "r3", 1, order=order(covered=-1)) == "amount_not_positive"


def test_what_a_hold_gives_back_may_be_used_again() -> None:
    scenario = with_card(50_000)
    scenario.do("place_hold", "c1", "h1", amount=usd(10_000), order=order())
    assert spend(scenario, "r1", 1) == "limit_exceeded"
    scenario.do("release_hold", "c1", hold="h1")
    assert taken(scenario) == 0
    scenario.do("place_hold", "c1", "h2", amount=usd(8_000), order=order())
    scenario.do("capture_hold", "c1", "p1", hold="h2", amount=usd(3_000), final=False)
    assert taken(scenario) == 8_000
    scenario.do("capture_hold", "c1", "p2", hold="h2", amount=usd(1_000))
    assert taken(scenario) == 4_000
    assert spend(scenario, "r2", 6_000) is None


def test_what_is_refunded_may_be_used_again() -> None:
    scenario = with_card(50_000)
    spend(scenario, "r1", 10_000)
    scenario.do("refund_capture", "c1", capture="r1", amount=usd(2_500))
    assert spend(scenario, "r2", 2_501) == "limit_exceeded"
    assert spend(scenario, "r3", 2_500) is None
    scenario.do("refund_capture", "c1", capture="r1", amount=usd(7_500), to="k1")
    assert taken(scenario) == 2_500


@pytest.mark.parametrize("increase", [3_999, 4_000, 4_001])
def test_an_increase_sees_what_ended_uses_of_the_order_took(increase: int) -> None:
    scenario = with_card(50_000)
    spend(scenario, "r1", 1_000)
    scenario.do("place_hold", "c1", "h1", amount=usd(2_000), order=order())
    spend(scenario, "r2", 4_000)
    scenario.do("refund_capture", "c1", capture="r1", amount=usd(1_000))
    outcome = scenario.do("increase_hold", "c1", hold="h1", amount=usd(increase))
    assert outcome.reason == ("limit_exceeded" if increase > 4_000 else None)


def test_a_late_capture_counts_though_its_hold_has_lapsed() -> None:
    scenario = with_card(50_000)
    scenario.do("place_hold", "c1", "h1", amount=usd(6_000), ttl_seconds=60, order=order())
    scenario.now += 61_000
    scenario.do("lapse_hold", "c1", source="service/redemption", hold="h1")
    assert taken(scenario) == 0
    assert scenario.do("capture_hold", "c1", "p1", hold="h1").reason is None
    assert taken(scenario) == 6_000
    assert spend(scenario, "r1", 4_001) == "limit_exceeded"


def test_a_partial_use_is_measured_by_what_it_covers() -> None:
    scenario = with_card(3_000)
    outcome = scenario.do("redeem", "c1", amount=usd(10_000), allow_partial=True, order=order())
    assert (outcome.decision.covered, outcome.decision.due) == (3_000, 7_000)
    assert spend(scenario, "r2", 10_001, allow_partial=True) == "limit_exceeded"


def test_a_moved_hold_takes_its_order_along() -> None:
    scenario = with_card(50_000)
    scenario.do("place_hold", "c1", "h1", amount=usd(6_000), order=order())
    scenario.do("transfer_balance", "c1", to="c2+credit", reason="replacement")
    assert taken(scenario) == 0
    assert scenario.rows["c2+credit/order/o1"].minor == 6_000


def test_an_order_is_forgotten_two_years_after_its_last_use() -> None:
    scenario = with_card(50_000)
    spend(scenario, "r1", 10_000)
    scenario.now += 730 * 86_400_000
    assert spend(scenario, "r2", 1) is None
