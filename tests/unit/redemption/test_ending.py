"""What ends: expiry, escheat, and unused cards that come back."""

from typing import Any

import pytest

from schemas.instants import parse_instant, years_after
from tests.scenario import Scenario
from tests.unit.redemption.network import F1, lot, network, sold, standing, usd, with_card


def ending(seconds: int = 10, **changes: Any) -> Scenario:
    """Card c1 with a lot of 100 that ends soon and one of 50 that does not."""
    scenario = network(**changes)
    sold(scenario, "c1", lot("L1", 100, expires_at=scenario.now + seconds * 1000), lot("L2", 50))
    return scenario


def test_a_lot_is_not_spendable_from_its_instant_before_any_sweep() -> None:
    scenario = ending()
    scenario.later(seconds=9)
    assert scenario.do("place_hold", "c1", amount=usd(60), ttl_seconds=1).reason is None
    scenario.later(seconds=1)
    assert scenario.do("redeem", "c1", amount=usd(60)).reason == "insufficient_funds"
    assert scenario.do("redeem", "c1", amount=usd(50)).reason is None


def test_a_card_whose_every_lot_has_ended_is_expired_before_any_sweep() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100, expires_at=scenario.now + 1000))
    scenario.later(seconds=1)
    assert scenario.do("redeem", "c1", amount=usd(1)).reason == "account_expired"
    assert scenario.do("transfer_balance", "c1", to="c2", reason="r").reason == "account_expired"
    assert scenario.do("enquire", "c1").decision.account["state"] == "Expired"
    assert scenario.sweep() == ["expire_lots"]
    assert standing(scenario) == ("Expired", 0, 0, 0)
    assert scenario.do("redeem", "c1", amount=usd(1)).reason == "account_expired"
    load = scenario.do("load_value", "c1", amount=usd(1), origin="paid")
    assert load.reason == "account_expired"


def test_what_is_held_expires_only_once_it_is_let_go() -> None:
    scenario = ending()
    scenario.do("place_hold", "c1", "h1", amount=usd(60))
    scenario.later(seconds=10)
    assert scenario.sweep() == ["expire_lots"]
    assert standing(scenario) == ("Activated", 110, 60, 50)
    scenario.do("release_hold", "c1", hold="h1")
    assert scenario.sweep() == ["expire_lots"]
    assert standing(scenario) == ("Activated", 50, 0, 50)


def test_the_law_in_force_at_the_sweep_may_give_a_lot_longer() -> None:
    scenario = ending()
    scenario.later(seconds=10)
    scenario.set_policy(
        {**scenario.document, "law": [{"jurisdiction": "US-NY", "no_expiry": True}]}
    )
    assert scenario.do("redeem", "c1", amount=usd(150)).reason is None
    scenario = ending()
    scenario.later(seconds=10)
    law = [{"jurisdiction": "US", "expiry_floor_years": 5}]
    scenario.set_policy({**scenario.document, "law": law})
    assert scenario.sweep() == ["expire_lots"]
    assert scenario.facts[-1].type == "validity_extended.v1"
    end = years_after(parse_instant("2026-05-01T14:00:00Z"), 5)
    assert scenario.account("c1")["lots"][0]["expires_at"] == end
    assert standing(scenario) == ("Activated", 150, 0, 150)


def test_a_sweep_that_comes_again_behind_the_end_the_law_gave_does_nothing() -> None:
    scenario = ending()
    scenario.later(seconds=10)
    law = [{"jurisdiction": "US", "expiry_floor_years": 5}]
    scenario.set_policy({**scenario.document, "law": law})
    assert scenario.sweep() == ["expire_lots"]
    scenario.later(days=6 * 365)
    (again,) = scenario.swept
    assert scenario.run(again).types == []
    assert scenario.sweep() == ["expire_lots"]
    assert scenario.facts[-1].type == "lots_expired.v1"


def extend(end: str, **changes: Any) -> dict[str, Any]:
    return {"expires_at": end, "reason": "kind", "approved_by": "eve", "place": F1, **changes}


def test_an_expired_card_lives_again_when_two_people_put_off_its_end() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100, funded=90, expires_at=scenario.now + 1000))
    scenario.later(seconds=1)
    scenario.sweep()
    alone = extend("2027-01-01T00:00:00Z", approved_by="sam")
    assert scenario.do("extend_validity", "c1", **alone).reason == "approval_required"
    past = extend("2026-01-01T00:00:00Z")
    assert scenario.do("extend_validity", "c1", **past).reason == "account_expired"
    body = scenario.do("extend_validity", "c1", **extend("2027-01-01T00:00:00Z")).body
    assert [(part.minor, part.funded) for part in body.parts] == [(100, 90)]
    assert standing(scenario) == ("Activated", 100, 0, 100)
    assert scenario.do("redeem", "c1", amount=usd(100)).body.parts[0].funded == 90


def test_a_lot_that_expired_in_pieces_comes_back_as_one() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 101, funded=50, expires_at=scenario.now + 1000))
    scenario.do("place_hold", "c1", "h1", amount=usd(33))
    scenario.do("place_hold", "c1", "h2", amount=usd(7))
    scenario.later(seconds=1)
    assert scenario.sweep() == ["expire_lots"]
    scenario.do("release_hold", "c1", hold="h1")
    assert scenario.sweep() == ["expire_lots"]
    body = scenario.do("extend_validity", "c1", **extend("2027-01-01T00:00:00Z")).body
    gone = [part for fact in scenario.facts for part in getattr(fact.body, "parts", ())]
    assert [(p.minor, p.funded) for p in body.parts] == [(94, 47)]
    assert sum(p.funded for p in gone if p.category == "expired") == 2 * 47
    assert [one["minor"] for one in scenario.account("c1")["lots"]] == [7, 94]
    assert len({one["lot"] for one in scenario.account("c1")["lots"]}) == 2
    scenario.do("release_hold", "c1", hold="h2")
    taken = scenario.do("redeem", "c1", amount=usd(101)).body.parts
    assert sum(part.funded for part in taken) == 50


def test_a_card_on_its_way_back_loses_nothing_to_a_sweep_that_was_sent_before() -> None:
    for told, ledger in (("confirm_return", 0), ("cancel_return", 100)):
        scenario = network()
        sold(scenario, "c1", lot("L1", 100, funded=90, expires_at=scenario.now + 1000))
        scenario.do("reserve_return", "c1", "r1", place=F1)
        scenario.later(seconds=1)
        assert scenario.do("expire_lots", "c1", round=0).types == []
        assert scenario.sweep() == []
        body = scenario.do(told, "c1", **{"return": "r1"}).body
        assert body.balance.ledger == ledger
        assert getattr(body, "minor", 100) == 100
        assert scenario.sweep() == ["expire_lots"] * (ledger > 0)


def test_nothing_of_a_card_on_its_way_back_goes_to_the_state() -> None:
    scenario = with_card(100)
    scenario.do("reserve_return", "c1", "r1", place=F1)
    assert scenario.do("escheat_lots", "c1", lots=["L1"], operation="e1").types == []
    body = scenario.do("confirm_return", "c1", **{"return": "r1"}).body
    assert (body.minor, body.price_minor) == (100, 100)


def test_a_sweep_of_a_former_life_does_nothing_in_the_next() -> None:
    scenario = network(gift={"returns": {"to": "prepared"}})
    sold(scenario, "c1", lot("L1", 100, expires_at=scenario.now + 1000))
    law = [{"jurisdiction": "US", "expiry_floor_years": 5}]
    scenario.set_policy({**scenario.document, "law": law})
    scenario.later(seconds=1)
    assert scenario.sweep() == ["expire_lots"]
    (swept,) = scenario.swept
    scenario.do("reserve_return", "c1", "r1")
    scenario.do("confirm_return", "c1", **{"return": "r1"})
    data = {"programme": "gift", "tender": "cash", "sale": "s2"}
    lots = [lot("L9", 70, expires_at=scenario.now + 1000)]
    fixed = {"sold_at": scenario.now, "face_minor": 70}
    scenario.do("activate", "c1", life=2, fixed=fixed, lots=lots, **data)
    scenario.later(days=6 * 365)
    assert scenario.run(swept).types == []
    assert scenario.sweep() == ["expire_lots"]


def test_what_was_escheated_never_comes_back() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100, expires_at=scenario.now + 1000), lot("L2", 50))
    scenario.later(seconds=1)
    scenario.sweep()
    body = scenario.do("escheat_lots", "c1", lots=["L1", "L2"], operation="e1").body
    assert (body.minor, body.dropped) == (50, ["L1"])
    extended = scenario.do("extend_validity", "c1", **extend("2027-01-01T00:00:00Z"))
    assert (extended.reason, extended.types) == (None, [])


def test_an_unused_card_comes_back_in_two_phases_at_its_price() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100, funded=90))
    assert scenario.do("reserve_return", "c1", "r1", place=F1).types == ["return_reserved"]
    assert standing(scenario) == ("Refunding", 100, 0, 100)
    assert scenario.do("redeem", "c1", amount=usd(1)).reason == "not_active"
    body = scenario.do("confirm_return", "c1", **{"return": "r1"}).body
    assert (body.minor, body.price_minor, body.tender) == (100, 90, "cash")
    assert [(p.category, p.minor, p.funded) for p in body.parts] == [("cash", 100, 90)]
    assert standing(scenario) == ("Refunded", 0, 0, 0)
    assert scenario.do("confirm_return", "c1", **{"return": "r1"}).types == []
    assert scenario.do("cancel_return", "c1", **{"return": "r1"}).reason == "hold_closed"
    assert scenario.left == []


def test_a_card_returned_to_stock_goes_back_to_issuance_and_lives_again() -> None:
    scenario = with_card(100, gift={"returns": {"to": "prepared"}})
    scenario.do("reserve_return", "c1", "r1")
    scenario.do("confirm_return", "c1", **{"return": "r1"})
    assert standing(scenario) == ("Blank", 0, 0, 0)
    assert [(m.topic, m.type, m.body) for m in scenario.left] == [
        ("scrip.issuance.commands.v1", "restock", {"life": 1})
    ]
    data = {"programme": "gift", "lots": [lot("L9", 70)], "tender": "cash", "sale": "s2"}
    fixed = {"sold_at": scenario.now, "face_minor": 70}
    scenario.do("activate", "c1", life=2, fixed=fixed, **data)
    assert standing(scenario) == ("Activated", 70, 0, 70)
    assert scenario.account("c1")["life"] == 2
    assert scenario.do("reserve_return", "c1").reason is None


def test_a_return_lapses_after_half_an_hour_and_is_late_by_the_clock() -> None:
    for swept in (False, True):
        scenario = with_card(100)
        scenario.do("reserve_return", "c1", "r1")
        scenario.later(seconds=1800)
        if swept:
            assert scenario.sweep() == ["lapse_return"]
            assert standing(scenario)[0] == "Activated"
        assert scenario.do("confirm_return", "c1", **{"return": "r1"}).reason == "hold_lapsed"


def test_a_cancelled_return_leaves_the_card_and_an_early_cancel_a_tombstone() -> None:
    scenario = with_card(100)
    scenario.do("reserve_return", "c1", "r1")
    assert scenario.do("cancel_return", "c1", **{"return": "r1"}).types == ["return_cancelled"]
    assert standing(scenario) == ("Activated", 100, 0, 100)
    assert scenario.do("cancel_return", "c1", **{"return": "r1"}).types == []
    assert scenario.do("cancel_return", "c1", **{"return": "r2"}).body.unseen
    assert scenario.do("reserve_return", "c1", "r2").reason == "hold_closed"
    assert scenario.do("confirm_return", "c1", **{"return": "r9"}).reason == "unknown_return"


def used(scenario: Scenario) -> None:
    scenario.do("redeem", "c1", "k1", amount=usd(1))
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(1))


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (used, "not_unused"),
        (lambda s: s.do("place_hold", "c1", amount=usd(1)), "not_unused"),
        (lambda s: s.do("load_value", "c1", amount=usd(1), origin="promo"), "not_unused"),
        (lambda s: s.later(days=30), "return_window_closed"),
        (lambda s: s.do("freeze_account", "c1", reason="r"), "account_frozen"),
        (lambda s: s.do("reserve_return", "c1"), "not_active"),
    ],
)
def test_only_an_unused_card_in_its_window_comes_back(before: Any, reason: str) -> None:
    scenario = with_card(100)
    before(scenario)
    assert scenario.do("reserve_return", "c1").reason == reason


@pytest.mark.parametrize(
    "validity", [{"days": 9 * 10**18}, {"until": "9999-12-31"}, {"until": "2026-06-31"}]
)
def test_a_policy_in_force_that_no_check_would_let_through_now_stops_nobody(
    validity: dict[str, Any],
) -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100))
    document = {
        **scenario.document,
        "refund_days": 10**14,
        "law": [{"jurisdiction": "US", "expiry_floor_years": 9_000, "from": "2026-02-30"}],
    }
    document["programmes"]["gift"] |= {"validity": validity, "returns": {"within_days": 10**18}}
    scenario.set_policy(document, published=True)
    assert scenario.do("redeem", "c1", "r1", amount=usd(60)).reason is None
    assert scenario.do("load_value", "c1", amount=usd(5), origin="paid").reason is None
    assert scenario.do("refund_capture", "c1", capture="r1", amount=usd(60)).reason is None
    assert standing(scenario) == ("Activated", 105, 0, 105)
