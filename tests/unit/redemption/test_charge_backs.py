"""Charge backs: all of a sale's value that is unspent is found, wherever it is, and no more."""

from typing import Any

import pytest

from schemas.identifiers import credit_account
from schemas.instants import DAY, format_instant
from tests.scenario import Scenario
from tests.unit.redemption.network import F1, F2, lot, network, sold, standing, usd, with_card

CREDIT = credit_account("customer", "u1", "USD")


def charged_back(scenario: Scenario, card: str = "c1") -> dict[str, int]:
    """The charge back of a card's sale: what each account gave back, and what is `lost`."""
    before = len(scenario.facts)
    outcome = scenario.do("charge_back_sale", card, sale=f"sale-{card}")
    assert outcome.reason is None
    told = [f for f in scenario.facts[before:] if f.type == "sale_charged_back.v1"]
    back = {f.subject: 0 for f in told}
    for fact in told:
        back[fact.subject] += fact.body.minor
    found = {account: minor for account, minor in back.items() if minor}
    return found | {"lost": lost(scenario)}


def lost(scenario: Scenario) -> int:
    """6950 over all charge backs so far."""
    return sum(f.body.spent_minor for f in scenario.facts if f.type == "sale_charged_back.v1")


def frozen(scenario: Scenario) -> set[str]:
    """The accounts that are frozen."""
    rows = scenario.rows.items()
    return {subject for subject, row in rows if "/" not in subject and row.frozen}


def test_what_of_the_sale_had_expired_is_back_before_it_is_taken() -> None:
    scenario = network()
    end = scenario.now + DAY
    sold(scenario, "c1", lot("L1", 100, expires_at=end))
    scenario.do("redeem", "c1", amount=usd(40))
    scenario.later(days=2)
    scenario.sweep()
    outcome = scenario.do("charge_back_sale", "c1", sale="sale-c1")
    assert outcome.types == ["validity_extended", "sale_charged_back"]
    restored, back = (fact.body for fact in outcome.facts)
    assert [(part.minor, part.funded) for part in restored.parts] == [(60, 60)]
    assert (back.minor, back.spent_minor) == (60, 40)
    assert standing(scenario) == ("Expired", 0, 0, 0)
    later = {"expires_at": "2027-01-01T00:00:00Z", "reason": "sick", "approved_by": "eve"}
    assert scenario.do("extend_validity", "c1", **later).types == []


def test_what_had_expired_and_is_not_the_sales_may_still_be_given_back() -> None:
    scenario = network()
    end = scenario.now + DAY
    sold(scenario, "c1", lot("L1", 100, expires_at=end))
    ends = format_instant(end)
    scenario.do("load_value", "c1", amount=usd(7), origin="paid", expires_at=ends)
    scenario.later(days=2)
    scenario.sweep()
    assert charged_back(scenario) == {"c1": 100, "lost": 0}
    later = {"expires_at": "2027-01-01T00:00:00Z", "reason": "sick", "approved_by": "eve"}
    assert scenario.do("extend_validity", "c1", **later).body.parts[0].minor == 7
    assert standing(scenario) == ("Activated", 7, 0, 7)


def test_what_had_expired_and_went_to_the_state_is_gone_for_good() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100, expires_at=scenario.now + DAY))
    scenario.later(days=2)
    scenario.sweep()
    assert scenario.do("escheat_lots", "c1", lots=["L1"], operation="e1").body.dropped == ["L1"]
    assert charged_back(scenario) == {"lost": 100}


def test_what_comes_back_after_it_is_taken_when_it_is_asked_again() -> None:
    scenario = with_card(100)
    scenario.do("place_hold", "c1", "h1", amount=usd(30))
    scenario.do("redeem", "c1", "k1", amount=usd(40))
    assert charged_back(scenario) == {"c1": 30, "lost": 70}
    assert charged_back(scenario) == {"lost": 70}
    scenario.do("release_hold", "c1", hold="h1")
    assert charged_back(scenario) == {"c1": 30, "lost": 40}
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(15))
    assert charged_back(scenario) == {"c1": 15, "lost": 25}
    assert scenario.do("charge_back_sale", "c1", sale="sale-c1").types == []
    assert standing(scenario) == ("Redeemed", 0, 0, 0)


def test_over_all_rounds_no_more_is_taken_than_was_sold() -> None:
    scenario = with_card(10_000)
    scenario.do("redeem", "c1", "k1", amount=usd(4_000))
    for _ in range(100):
        scenario.do("load_value", "c1", amount=usd(60), origin="paid", tender="cash", place=F1)
    assert charged_back(scenario)["c1"] <= 10_000
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(4_000))
    charged_back(scenario)
    taken = sum(f.body.minor for f in scenario.facts if f.type == "sale_charged_back.v1")
    assert (taken, lost(scenario)) == (10_000, 0)


@pytest.mark.parametrize(("funded", "spent"), [(2_700, 1_001), (1, 1_500), (0, 700), (2_999, 1)])
def test_nothing_is_lost_below_0_however_the_price_is_divided(funded: int, spent: int) -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 3_000, funded=funded))
    sold(scenario, "c2")
    scenario.do("redeem", "c1", "k1", amount=usd(spent))
    scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    for minor in (1, spent - 1):
        if minor:
            scenario.do("refund_capture", "c1", capture="k1", amount=usd(minor))
            scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    charged_back(scenario)
    assert 0 <= lost(scenario) <= 1
    assert standing(scenario, "c2")[1] <= 1


def test_the_rest_of_a_one_time_card_is_found_on_its_store_credit() -> None:
    scenario = with_card(1_000, programme="once")
    scenario.do("redeem", "c1", "k1", amount=usd(400))
    assert charged_back(scenario) == {"c1+credit": 600, "lost": 400}
    assert frozen(scenario) == {"c1", "c1+credit"}
    assert standing(scenario, "c1+credit") == ("Activated", 0, 0, 0)


def test_the_rest_of_a_frozen_one_time_card_is_frozen_too_and_taken_when_asked_again() -> None:
    scenario = with_card(1_000, programme="once")
    scenario.do("place_hold", "c1", "h1", amount=usd(500))
    assert charged_back(scenario) == {"c1": 500, "lost": 500}
    scenario.do("capture_hold", "c1", hold="h1", amount=usd(200))
    assert standing(scenario, "c1+credit") == ("Activated", 300, 0, 300)
    assert frozen(scenario) == {"c1", "c1+credit"}
    assert charged_back(scenario) == {"c1+credit": 300, "lost": 200}


def test_goods_of_a_frozen_card_that_is_replaced_come_back_to_frozen_credit() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2")
    scenario.do("redeem", "c1", "k1", amount=usd(400))
    scenario.do("transfer_balance", "c1", to="c2", reason="replacement")
    assert charged_back(scenario) == {"c2": 600, "lost": 400}
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(400))
    assert standing(scenario, "c1+credit") == ("Activated", 400, 0, 400)
    assert frozen(scenario) == {"c1", "c2", "c1+credit"}


def test_a_replaced_card_can_be_charged_back_and_an_undone_import_cannot() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2")
    scenario.do("transfer_balance", "c1", to="c2", reason="replacement")
    assert scenario.do("charge_back_sale", "c2", sale="sale-c1").reason == "unknown_sale"
    assert charged_back(scenario) == {"c2": 1_000, "lost": 0}
    assert standing(scenario) == ("Cancelled", 0, 0, 0)
    sold(scenario, "c3", lot("L3", 5))
    scenario.do("take_back_import", "c3", undo="u1", sale="sale-c3")
    asked = scenario.do("charge_back_sale", "c3", sale="sale-c3")
    assert asked.reason == "account_cancelled"


def test_value_is_followed_along_a_chain_and_what_is_others_stays() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2", lot("M1", 70))
    sold(scenario, "c3", lot("N1", 5))
    sold(scenario, "c4", lot("P1", 3))
    scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    scenario.do("redeem", "c2", "k2", amount=usd(470))
    scenario.do("transfer_balance", "c2", to="c3", reason="replacement")
    assert charged_back(scenario) == {"c3": 600, "lost": 400}
    assert standing(scenario, "c3") == ("Activated", 5, 0, 5)
    assert frozen(scenario) == {"c1", "c3"}
    assert charged_back(scenario) == {"lost": 400}


def test_value_that_went_round_is_found_where_it_is() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2")
    sold(scenario, "c3")
    for sender, to in (("c1", "c2"), ("c2", "c3"), ("c3", "c1"), ("c1", "c3"), ("c3", "c2")):
        scenario.do("transfer_balance", sender, to=to, reason="wish")
    assert charged_back(scenario) == {"c2": 1_000, "lost": 0}
    assert charged_back(scenario) == {"lost": 0}


def test_value_that_nobody_could_take_is_found_on_the_credit_it_became() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2")
    scenario.do("transfer_balance", "c1", to="c2", reason="replacement")
    scenario.do("transfer_balance", "c2", to="c1", reason="wish")
    assert standing(scenario, "c1+credit")[1] == 1_000
    assert charged_back(scenario) == {"c1+credit": 1_000, "lost": 0}
    sold(scenario, "c3", lot("Q1", 800))
    scenario.do("transfer_balance", "c3", to="nobody", reason="wish")
    sold(scenario, "nobody", lot("R1", 50))
    assert charged_back(scenario, "c3") == {"nobody+credit": 800, "lost": 0}
    assert "nobody" not in frozen(scenario), "nothing of the sale ever came to that card"


def test_a_hold_where_the_value_went_keeps_what_it_reserved() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2", lot("M1", 70))
    scenario.do("place_hold", "c1", "h1", amount=usd(300))
    scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    assert charged_back(scenario) == {"c2": 700, "lost": 300}
    assert standing(scenario, "c2") == ("Activated", 370, 300, 70)
    scenario.do("release_hold", "c2", hold="h1")
    assert charged_back(scenario) == {"c2": 300, "lost": 0}


def test_value_is_known_as_the_sales_under_every_name_it_takes_elsewhere() -> None:
    scenario = network()
    end = scenario.now + DAY
    sold(scenario, "c1", lot("L1", 1_000, expires_at=end))
    sold(scenario, "c2", lot("M1", 70))
    scenario.do("redeem", "c1", "k1", amount=usd(600))
    scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(500))
    scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    scenario.do("redeem", "c2", "k2", amount=usd(300))
    scenario.later(days=2)
    scenario.sweep()
    scenario.do("refund_capture", "c2", capture="k2", amount=usd(250))
    assert charged_back(scenario) == {"c2": 850, "lost": 150}
    later = {"expires_at": "2027-01-01T00:00:00Z", "reason": "sick", "approved_by": "eve"}
    assert scenario.do("extend_validity", "c2", **later).types == []


def test_value_that_was_spent_to_the_end_elsewhere_is_the_sales_when_it_comes_back() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2")
    scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    scenario.do("redeem", "c2", "k2", amount=usd(1_000))
    scenario.do("refund_capture", "c2", capture="k2", amount=usd(400))
    assert charged_back(scenario) == {"c2": 400, "lost": 600}


def test_two_sales_on_one_card_are_told_apart() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2", lot("M1", 70))
    scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    assert charged_back(scenario, "c2") == {"c2": 70, "lost": 0}
    assert charged_back(scenario) == {"c2": 1_000, "lost": 0}


def test_a_sale_charged_back_before_this_was_kept_is_not_charged_back_again() -> None:
    scenario = with_card(100)
    scenario.do("place_hold", "c1", "h1", amount=usd(30))
    charged_back(scenario)
    scenario.rows["c1"].sale.untaken = None
    scenario.do("release_hold", "c1", hold="h1")
    assert scenario.do("charge_back_sale", "c1", sale="sale-c1").types == []


def test_a_refund_to_another_account_is_its_own_credit_and_not_the_sales() -> None:
    scenario = with_card(1_000)
    scenario.do("redeem", "c1", "k1", amount=usd(400), place=F2)
    credit: dict[str, Any] = {"owner": {"customer": "u1"}, "amount": usd(1), "origin": "goodwill"}
    scenario.do("issue_credit", CREDIT, **credit)
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(400), to=CREDIT)
    assert charged_back(scenario) == {"c1": 600, "lost": 400}
    assert standing(scenario, CREDIT) == ("Activated", 401, 0, 401)


def test_asked_again_it_freezes_nobody_where_nothing_is_taken() -> None:
    scenario = with_card(1_000)
    sold(scenario, "c2", lot("M1", 70))
    scenario.do("redeem", "c1", "k1", amount=usd(300))
    scenario.do("transfer_balance", "c1", to="c2", reason="wish")
    assert charged_back(scenario) == {"c2": 700, "lost": 300}
    for account in ("c1", "c2"):
        scenario.do("unfreeze_account", account, reason="in good faith")
    assert charged_back(scenario) == {"lost": 300}
    assert frozen(scenario) == set()
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(300))
    assert charged_back(scenario) == {"c1": 300, "lost": 0}
    assert frozen(scenario) == {"c1"}
