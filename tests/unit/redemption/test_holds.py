"""Holds: reserving, increasing, releasing, lapsing."""

from typing import Any

import pytest

from tests.scenario import Scenario
from tests.unit.redemption.network import F1, F2, network, policy, sold, standing, usd, with_card
from tests.unit.redemption.network import lot as lot_of


def test_a_hold_cuts_available_and_leaves_the_ledger() -> None:
    scenario = with_card(10_000)
    assert scenario.do("place_hold", "c1", "h1", amount=usd(3000), place=F1).types == [
        "hold_placed"
    ]
    assert standing(scenario) == ("Activated", 10_000, 3_000, 7_000)


def test_a_hold_beyond_the_balance_is_refused() -> None:
    outcome = with_card(100).do("place_hold", "c1", amount=usd(101))
    assert outcome.reason == "insufficient_funds"
    assert outcome.types == ["redemption_refused"]
    assert outcome.body.requested == {"amount": usd(101)}


def test_a_partial_hold_reserves_what_there_is_and_says_what_is_due() -> None:
    outcome = with_card(100).do("place_hold", "c1", amount=usd(130), allow_partial=True)
    assert (outcome.decision.covered, outcome.decision.due) == (100, 30)
    assert outcome.body.due_minor == 30
    assert outcome.decision.balance == {"ledger": 100, "held": 100, "available": 0}


def test_a_partial_hold_of_nothing_is_refused() -> None:
    scenario = with_card(100)
    scenario.do("place_hold", "c1", amount=usd(100))
    outcome = scenario.do("place_hold", "c1", amount=usd(1), allow_partial=True)
    assert outcome.reason == "insufficient_funds"


@pytest.mark.parametrize(
    ("source", "fixed", "ttl", "seconds"),
    [
        ("service/x", {}, None, 600),
        ("service/x", {"hold_seconds": 120}, None, 120),
        ("channel/web", {"hold_seconds": 120}, None, 3600),
        ("channel/web", {"hold_seconds": 120}, 7, 7),
    ],
)
def test_the_time_to_live_is_the_callers_then_the_channels_then_the_sales(
    source: str, fixed: dict[str, Any], ttl: int | None, seconds: int
) -> None:
    scenario = network(channels={"web": {"may": ["redeem"], "hold_seconds": 3600}})
    sold(scenario, "c1", lot_of("L1", 500), **fixed)
    extra = {} if ttl is None else {"ttl_seconds": ttl}
    outcome = scenario.do("place_hold", "c1", amount=usd(5), source=source, **extra)
    assert outcome.body.hold.ends_at == scenario.now + seconds * 1000


def test_a_fifty_first_open_hold_is_refused() -> None:
    scenario = with_card(100)
    for _ in range(50):
        assert scenario.do("place_hold", "c1", amount=usd(1)).reason is None
    assert scenario.do("place_hold", "c1", amount=usd(1)).reason == "limit_exceeded"


def test_a_hold_above_its_orders_total_is_refused_and_so_are_two_that_exceed_it() -> None:
    scenario = with_card(1000)
    order = {"id": "o1", "total": usd(100)}
    assert scenario.do("place_hold", "c1", amount=usd(101), order=order).reason == "limit_exceeded"
    assert scenario.do("place_hold", "c1", "h1", amount=usd(60), order=order).reason is None
    assert scenario.do("place_hold", "c1", amount=usd(41), order=order).reason == "limit_exceeded"
    assert scenario.do("increase_hold", "c1", hold="h1", amount=usd(41)).reason == "limit_exceeded"
    assert scenario.do("increase_hold", "c1", hold="h1", amount=usd(40)).reason is None


def test_an_increase_keeps_the_holds_end() -> None:
    scenario = with_card(1000)
    end = scenario.do("place_hold", "c1", "h1", amount=usd(100)).body.hold.ends_at
    scenario.later(seconds=599)
    outcome = scenario.do("increase_hold", "c1", hold="h1", amount=usd(50))
    assert outcome.types == ["hold_increased"]
    assert (outcome.body.hold.minor, outcome.body.hold.ends_at) == (150, end)
    assert standing(scenario) == ("Activated", 1000, 150, 850)


def test_an_increase_of_a_hold_at_its_end_is_refused() -> None:
    scenario = with_card(1000)
    scenario.do("place_hold", "c1", "h1", amount=usd(100))
    scenario.later(seconds=600)
    assert scenario.do("increase_hold", "c1", hold="h1", amount=usd(5)).reason == "hold_lapsed"
    assert scenario.sweep() == ["lapse_hold"]
    assert scenario.do("increase_hold", "c1", hold="h1", amount=usd(5)).reason == "hold_lapsed"


def test_a_release_is_accepted_again_and_changes_nothing() -> None:
    scenario = with_card(1000)
    scenario.do("place_hold", "c1", "h1", amount=usd(100))
    assert scenario.do("release_hold", "c1", hold="h1").types == ["hold_released"]
    again = scenario.do("release_hold", "c1", hold="h1")
    assert (again.types, again.reason) == ([], None)
    assert standing(scenario) == ("Activated", 1000, 0, 1000)


def test_a_release_of_a_lapsed_hold_is_accepted_and_changes_nothing() -> None:
    scenario = with_card(1000)
    scenario.do("place_hold", "c1", "h1", amount=usd(100))
    scenario.later(seconds=600)
    scenario.sweep()
    assert scenario.do("release_hold", "c1", hold="h1").types == []


def test_an_early_release_leaves_a_tombstone_and_the_late_hold_is_refused() -> None:
    scenario = with_card(1000)
    early = scenario.do("release_hold", "c1", hold="h1")
    assert (early.types, early.body.unseen) == (["hold_released"], True)
    assert scenario.do("place_hold", "c1", "h1", amount=usd(5)).reason == "hold_closed"
    assert scenario.do("redeem", "c1", "h1", amount=usd(5)).reason == "hold_closed"
    assert scenario.do("capture_hold", "c1", hold="h1").reason == "hold_closed"


def test_a_tombstone_is_forgotten_after_37_days() -> None:
    scenario = with_card(1000)
    scenario.do("release_hold", "c1", hold="h1")
    scenario.later(days=37)
    assert scenario.do("capture_hold", "c1", hold="h1").reason == "unknown_hold"


def test_a_release_of_a_captured_hold_is_refused() -> None:
    scenario = with_card(1000)
    scenario.do("place_hold", "c1", "h1", amount=usd(100))
    scenario.do("capture_hold", "c1", hold="h1")
    assert scenario.do("release_hold", "c1", hold="h1").reason == "hold_closed"


def test_a_release_on_an_unknown_account_is_refused() -> None:
    assert network().do("release_hold", "c9", hold="h1").reason == "unknown_account"


def test_a_lapse_that_comes_too_early_changes_nothing_and_is_not_remembered() -> None:
    scenario = with_card(1000)
    scenario.do("place_hold", "c1", "h1", amount=usd(100))
    early = scenario.do("lapse_hold", "c1", hold="h1")
    assert (early.types, early.decision.remember) == ([], False)
    scenario.later(seconds=600)
    assert scenario.do("lapse_hold", "c1", hold="h1").types == ["hold_lapsed"]
    assert standing(scenario) == ("Activated", 1000, 0, 1000)


def test_a_card_at_0_is_redeemed_once_its_last_hold_is_let_go() -> None:
    scenario = with_card(100)
    scenario.do("place_hold", "c1", "h1", amount=usd(100))
    scenario.do("capture_hold", "c1", hold="h1", final=False)
    assert standing(scenario)[0] == "Activated"
    scenario.do("release_hold", "c1", hold="h1")
    assert standing(scenario)[0] == "Redeemed"


REFUSALS = [
    ("place_hold", {"amount": {"minor": 5, "currency": "EUR"}}, "wrong_currency"),
    ("place_hold", {"amount": usd(0)}, "amount_not_positive"),
    ("place_hold", {"amount": {"minor": -1, "currency": "EUR"}}, "wrong_currency"),
    ("increase_hold", {"hold": "h9", "amount": {"minor": 5, "currency": "EUR"}}, "unknown_hold"),
    (
        "capture_hold",
        {"hold": "closed", "amount": {"minor": 5, "currency": "EUR"}},
        "wrong_currency",
    ),
    ("capture_hold", {"hold": "closed", "amount": usd(0)}, "amount_not_positive"),
    ("capture_hold", {"hold": "closed", "amount": usd(5000)}, "hold_closed"),
    ("capture_hold", {"hold": "open", "amount": usd(5000)}, "amount_exceeds_hold"),
    ("place_hold", {"amount": usd(5), "place": {"location": "mars"}}, "location_not_allowed"),
]


@pytest.mark.parametrize(("type", "data", "reason"), REFUSALS)
def test_of_several_reasons_the_first_by_precedence_counts(
    type: str, data: dict[str, Any], reason: str
) -> None:
    scenario = with_card(1000)
    scenario.do("place_hold", "c1", "open", amount=usd(10))
    scenario.do("place_hold", "c1", "closed", amount=usd(10))
    scenario.do("release_hold", "c1", hold="closed")
    assert scenario.do(type, "c1", **data).reason == reason


def test_a_frozen_account_lets_open_holds_go_out_and_nothing_new() -> None:
    scenario = with_card(1000)
    scenario.do("place_hold", "c1", "h1", amount=usd(100))
    scenario.do("place_hold", "c1", "h2", amount=usd(100))
    scenario.do("freeze_account", "c1", reason="fraud")
    assert scenario.do("place_hold", "c1", amount=usd(5)).reason == "account_frozen"
    assert scenario.do("increase_hold", "c1", hold="h1", amount=usd(5)).reason == "account_frozen"
    assert scenario.do("redeem", "c1", amount=usd(5)).reason == "account_frozen"
    assert scenario.do("capture_hold", "c1", "k1", hold="h1").types == ["hold_captured"]
    assert scenario.do("release_hold", "c1", hold="h2").types == ["hold_released"]
    assert scenario.do("refund_capture", "c1", capture="k1", amount=usd(100)).reason is None
    assert scenario.account("c1")["frozen"]


def test_a_day_takes_no_more_than_its_limit_and_released_holds_do_not_count() -> None:
    scenario = with_card(10_000, gift={"limits": {"per_day_max": 1000}})
    fixed_free = scenario.rows["c1"].fixed
    assert fixed_free.per_day_max is None, "the sale fixed no limit, whatever policy says later"
    sold(scenario, "c2", lot_of("L1", 10_000), per_day_max=1000)
    assert scenario.do("place_hold", "c2", "h1", amount=usd(900)).reason is None
    assert scenario.do("redeem", "c2", amount=usd(101)).reason == "limit_exceeded"
    scenario.do("release_hold", "c2", hold="h1")
    assert scenario.do("redeem", "c2", amount=usd(1000)).reason is None
    assert scenario.do("redeem", "c2", amount=usd(1)).reason == "limit_exceeded"
    scenario.later(days=1)
    assert scenario.do("redeem", "c2", amount=usd(1)).reason is None


def test_more_than_a_day_may_take_is_said_before_more_than_there_is() -> None:
    scenario = network()
    sold(scenario, "c1", lot_of("L1", 900), per_day_max=1000)
    assert scenario.do("redeem", "c1", amount=usd(1001)).reason == "limit_exceeded"
    assert scenario.do("redeem", "c1", amount=usd(1001), allow_partial=True).reason is None


def test_a_card_whose_only_value_ended_under_a_hold_is_expired_for_whatever_is_new() -> None:
    scenario = network()
    end = scenario.now + 60_000
    sold(scenario, "c1", lot_of("L1", 900, expires_at=end))
    scenario.do("place_hold", "c1", "h1", amount=usd(100), ttl_seconds=600)
    scenario.later(seconds=60)
    assert scenario.do("redeem", "c1", amount=usd(1)).reason == "account_expired"
    assert scenario.do("capture_hold", "c1", hold="h1").types == ["hold_captured"]


def test_value_of_another_franchise_is_refused_unless_the_network_shares_cards() -> None:
    apart = with_card(settlement={"cross_franchise": False})
    assert apart.do("redeem", "c1", amount=usd(5), place=F2).reason == "location_not_allowed"
    assert apart.do("redeem", "c1", amount=usd(50_000), place=F2).reason == "location_not_allowed"
    for place in (F1, {"location": "F3"}, {"location": "HQ"}):
        assert apart.do("redeem", "c1", amount=usd(5), place=place).reason is None
    assert with_card().do("redeem", "c1", amount=usd(5), place=F2).reason is None


def test_a_hold_made_where_it_may_is_not_captured_where_it_may_not() -> None:
    apart = with_card(settlement={"cross_franchise": False})
    apart.do("place_hold", "c1", "h1", amount=usd(5), place=F1)
    assert apart.do("capture_hold", "c1", hold="h1", place=F2).reason == "location_not_allowed"


CHANNELS = {
    "pos": {"may": ["redeem", "enquire"], "locations": ["F1"]},
    "desk": {"may": ["freeze"]},
}


@pytest.mark.parametrize(
    ("source", "type", "place", "reason"),
    [
        ("channel/pos", "place_hold", {"location": "F1", "channel": "pos"}, None),
        ("channel/pos", "place_hold", {"location": "F1"}, None),
        ("channel/pos", "place_hold", {"location": "F2"}, "location_not_allowed"),
        ("channel/pos", "place_hold", None, "location_not_allowed"),
        ("channel/pos", "place_hold", {"location": "F1", "channel": "web"}, "not_permitted"),
        ("channel/desk", "place_hold", {"location": "F1"}, "not_permitted"),
        ("channel/nobody", "place_hold", {"location": "F1"}, "not_permitted"),
        ("channel/desk", "enquire", None, "not_permitted"),
        ("channel/pos", "enquire", None, None),
    ],
)
def test_rights_and_places_are_those_of_the_sealed_source(
    source: str, type: str, place: dict[str, Any] | None, reason: str | None
) -> None:
    scenario = with_card(channels=CHANNELS)
    data = {} if type == "enquire" else {"amount": usd(5)}
    if place is not None:
        data["place"] = place
    assert scenario.do(type, "c1", source=source, **data).reason == reason


def test_a_programme_is_good_at_its_locations_only() -> None:
    scenario = with_card(gift={"locations": ["F1"]})
    assert scenario.do("redeem", "c1", amount=usd(5), place=F1).reason is None
    assert scenario.do("redeem", "c1", amount=usd(5), place=F2).reason == "location_not_allowed"


def test_an_enquiry_is_answered_and_leaves_no_trace() -> None:
    scenario = Scenario(policy(), "2026-05-01T14:00:00Z")
    assert scenario.do("enquire", "c1").reason == "unknown_account"
    sold(scenario, "c1", lot_of("L1", 500))
    facts = len(scenario.facts)
    decision = scenario.do("enquire", "c1").decision
    assert len(scenario.facts) == facts
    assert decision.remember is False
    card = {"state": "Activated", "programme": "gift", "product": "GIFT-25", "frozen": False}
    sale = {"value": usd(500), "expires_at": None}
    assert decision.account == {**card, **sale}
    assert decision.balance == {"ledger": 500, "held": 0, "available": 500}
    more = scenario.do("enquire", "c1", use=True).decision
    assert more.account == {**card, **sale, "unused": True, "tender": "cash"}
