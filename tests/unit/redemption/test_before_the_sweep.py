"""Who asks before a sweep has come finds what comes after it: the sweep decides nothing."""

import copy
from typing import Any

import pytest

from tests.scenario import Scenario
from tests.unit.redemption.network import F2, lot, network, sold, standing, usd, with_card

ORDER = {"id": "o1", "total": usd(1000)}


def asked(scenario: Scenario, type: str, **data: Any) -> tuple[list[str], dict[str, Any]]:
    """The facts of a command `n`, and all rows, when it comes before the sweep and after it.

    Both must leave the same.
    """
    after = Scenario(scenario.document, scenario.now)
    after.rows = copy.deepcopy(scenario.rows)
    after.sweep()
    known = after.do(type, "c1", "n", **data)
    outcome = scenario.do(type, "c1", "n", **data)
    assert outcome.reason == known.reason
    lapsed = [one for one in outcome.types if one in ("hold_lapsed", "return_lapsed")]
    assert outcome.types == [*lapsed, *known.types]
    assert outcome.decision.balance == known.decision.balance
    scenario.sweep()
    assert scenario.rows == after.rows
    return outcome.types, scenario.rows


def past_its_end(scenario: Scenario, minor: int, **more: Any) -> Scenario:
    """A hold whose end has come, and no sweep."""
    assert scenario.do("place_hold", "c1", "h1", amount=usd(minor), **more).reason is None
    scenario.later(seconds=600)
    return scenario


@pytest.mark.parametrize("partial", [False, True])
def test_what_a_hold_past_its_end_had_is_spent(partial: bool) -> None:
    scenario = past_its_end(with_card(1000), 600)
    types, _ = asked(scenario, "redeem", amount=usd(1000), allow_partial=partial)
    assert types == ["hold_lapsed", "hold_placed", "hold_captured"]
    assert standing(scenario) == ("Redeemed", 0, 0, 0)


def test_what_a_hold_past_its_end_had_is_held_anew_and_more_of_it_under_an_open_hold() -> None:
    scenario = with_card(1000)
    assert scenario.do("place_hold", "c1", "h0", amount=usd(100), ttl_seconds=9000).reason is None
    past_its_end(scenario, 900)
    types, _ = asked(scenario, "place_hold", amount=usd(400))
    assert types == ["hold_lapsed", "hold_placed"]
    scenario.later(seconds=600)
    types, _ = asked(scenario, "increase_hold", hold="h0", amount=usd(900))
    assert types == ["hold_lapsed", "hold_increased"]
    assert standing(scenario) == ("Activated", 1000, 1000, 0)


def test_a_hold_in_time_keeps_what_it_has() -> None:
    scenario = with_card(1000)
    assert scenario.do("place_hold", "c1", "h0", amount=usd(300), ttl_seconds=601).reason is None
    past_its_end(scenario, 700)
    assert scenario.do("redeem", "c1", amount=usd(701)).reason == "insufficient_funds"
    assert standing(scenario) == ("Activated", 1000, 1000, 0)
    assert scenario.do("redeem", "c1", amount=usd(700)).reason is None
    assert standing(scenario) == ("Activated", 300, 300, 0)


def test_a_one_time_card_is_free_again_at_the_end_of_its_hold() -> None:
    scenario = past_its_end(with_card(1000, "once"), 600)
    types, _ = asked(scenario, "redeem", amount=usd(700))
    assert types == ["hold_lapsed", "hold_placed", "hold_captured", "value_sent"]
    held = past_its_end(with_card(1000, "once"), 600)
    assert asked(held, "place_hold", amount=usd(1000))[0] == ["hold_lapsed", "hold_placed"]


def test_holds_past_their_end_are_none_of_fifty() -> None:
    scenario = with_card(100)
    for number in range(50):
        scenario.do("place_hold", "c1", f"h{number}", amount=usd(1), ttl_seconds=600)
    assert scenario.do("place_hold", "c1", amount=usd(1)).reason == "limit_exceeded"
    scenario.later(seconds=600)
    types, _ = asked(scenario, "place_hold", amount=usd(1))
    assert types == [*["hold_lapsed"] * 50, "hold_placed"]


def test_what_lapsed_today_is_not_spent_today() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 20_000), per_day_max=4000)
    past_its_end(scenario, 4000)
    assert asked(scenario, "redeem", amount=usd(4000))[0][-1] == "hold_captured"
    assert scenario.do("redeem", "c1", amount=usd(1)).reason == "limit_exceeded"


@pytest.mark.parametrize("type", ["redeem", "place_hold"])
def test_what_lapsed_of_an_order_is_none_of_its_total_and_what_was_captured_is(type: str) -> None:
    scenario = past_its_end(with_card(5000), 800, order=ORDER)
    scenario.now -= 1000
    part = {"hold": "h1", "amount": usd(300), "final": False}
    assert scenario.do("capture_hold", "c1", **part).reason is None
    scenario.later(seconds=1)
    refused = scenario.do(type, "c1", "more", amount=usd(701), order=ORDER)
    assert refused.reason == "limit_exceeded"
    _, rows = asked(scenario, type, amount=usd(600), order=ORDER)
    assert rows["c1/order/o1"].minor == 900
    # Late, the first hold finds what is left of the total.
    late = [
        scenario.do("capture_hold", "c1", hold="h1", amount=usd(minor)).reason
        for minor in (101, 100)
    ]
    assert late == ["limit_exceeded", None]


def test_an_increase_beside_a_lapsed_hold_of_its_order_sees_what_that_had_captured() -> None:
    scenario = with_card(5000)
    more = {"order": ORDER, "ttl_seconds": 9000}
    assert scenario.do("place_hold", "c1", "h0", amount=usd(100), **more).reason is None
    past_its_end(scenario, 800, order=ORDER)
    scenario.now -= 1000
    part = {"hold": "h1", "amount": usd(300), "final": False}
    assert scenario.do("capture_hold", "c1", **part).reason is None
    scenario.later(seconds=1)
    refused = scenario.do("increase_hold", "c1", hold="h0", amount=usd(601))
    assert refused.reason == "limit_exceeded"
    _, rows = asked(scenario, "increase_hold", hold="h0", amount=usd(600))
    assert [(one.minor, one.order_taken) for one in rows["c1"].holds] == [(700, 300)]


def test_a_hold_that_moved_here_and_is_past_its_end_keeps_its_id() -> None:
    scenario = past_its_end(with_card(1000), 100)
    for _ in range(2):
        assert scenario.do("redeem", "c1", "h1", amount=usd(1)).reason == "hold_closed"
        scenario.sweep()


@pytest.mark.parametrize(
    ("type", "data", "told"),
    [
        ("adjust_balance", {"minor": -1000, "reason": "count"}, "balance_adjusted"),
        ("cash_out", {"place": F2}, "cashed_out"),
        ("charge_back_sale", {"sale": "sale-c1"}, "sale_charged_back"),
        ("transfer_balance", {"to": "c2", "reason": "lost"}, "value_sent"),
        ("reserve_return", {}, "return_reserved"),
        ("load_value", {"amount": usd(5), "origin": "paid"}, "value_loaded"),
        ("place_hold", {"amount": usd(1000)}, "hold_placed"),
    ],
)
def test_whoever_asks_first_finds_what_the_sweep_leaves(
    type: str, data: dict[str, Any], told: str
) -> None:
    law = [{"jurisdiction": "US-CA", "cash_out_below": 1500}]
    scenario = past_its_end(with_card(1000, law=law), 700)
    sold(scenario, "c2", lot("L2", 500))
    assert asked(scenario, type, **data)[0] == ["hold_lapsed", told]


def test_credit_and_a_card_at_0_find_it_too() -> None:
    scenario = Scenario(network().document, network().now)
    arriving = {"from": "e", "cause": "f", "kind": "card", "programme": "gift", "currency": "USD"}
    scenario.do("receive_value", "x+credit", lots=[lot("L1", 50)], **arriving)
    assert scenario.do("place_hold", "x+credit", amount=usd(50)).reason is None
    scenario.later(seconds=600)
    outcome = scenario.do("expire_credit", "x+credit", reason="old")
    assert (outcome.types, outcome.body.minor) == (["hold_lapsed", "lots_expired"], 50)
    spent = with_card(1000)
    assert spent.do("place_hold", "c1", "h1", amount=usd(1000)).reason is None
    assert spent.do("capture_hold", "c1", hold="h1", amount=usd(1000), final=False).reason is None
    assert spent.do("cancel_account", "c1", reason="done").reason == "balance_not_zero"
    spent.later(seconds=600)
    types, _ = asked(spent, "cancel_account", reason="done")
    assert types == ["hold_lapsed", "account_cancelled"]


@pytest.mark.parametrize(
    ("type", "data", "told"),
    [
        ("redeem", {"amount": usd(1000)}, ["hold_placed", "hold_captured"]),
        ("load_value", {"amount": usd(5), "origin": "paid"}, ["value_loaded"]),
        ("reserve_return", {}, ["return_reserved"]),
    ],
)
def test_a_card_whose_return_is_past_its_end_is_live(
    type: str, data: dict[str, Any], told: list[str]
) -> None:
    scenario = with_card(1000)
    assert scenario.do("reserve_return", "c1", "b1").reason is None
    assert scenario.do(type, "c1", "early", **data).reason == "not_active"
    scenario.later(seconds=30 * 60)
    types, rows = asked(scenario, type, **data)
    assert types == ["return_lapsed", *told]
    assert rows["c1/return/b1"].ended == "lapsed"
    assert scenario.do("confirm_return", "c1", **{"return": "b1"}).reason == "hold_lapsed"


@pytest.mark.parametrize("swept", [False, True])
def test_a_hold_released_before_it_came_is_closed_though_a_return_has_just_ended(
    swept: bool,
) -> None:
    scenario = with_card(1000)
    assert scenario.do("release_hold", "c1", hold="h1").reason is None
    assert scenario.do("reserve_return", "c1", "b1").reason is None
    assert scenario.do("capture_hold", "c1", hold="h1").reason == "not_active"
    scenario.later(seconds=30 * 60)
    if swept:
        scenario.sweep()
    assert scenario.do("capture_hold", "c1", hold="h1").reason == "hold_closed"


def test_who_is_refused_changes_nothing() -> None:
    scenario = past_its_end(with_card(1000), 700)
    before = copy.deepcopy(scenario.rows)
    refused = scenario.do("redeem", "c1", amount=usd(1001))
    assert (refused.types, refused.reason) == (["redemption_refused"], "insufficient_funds")
    assert scenario.rows == before
    assert scenario.sweep() == ["lapse_hold"]
