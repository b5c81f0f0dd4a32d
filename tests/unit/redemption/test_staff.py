"""What staff, the bank and the law do: transfers, payouts, charge-backs, adjustments, freezes."""

from typing import Any

import pytest

from schemas.identifiers import credit_account
from schemas.instants import DAY
from tests.unit.redemption.network import F1, F2, lot, network, sold, standing, usd, with_card

CREDIT = credit_account("customer", "u1", "USD")


def test_a_replacement_moves_lots_and_holds_and_ends_the_old_card() -> None:
    scenario = with_card(1000)
    sold(scenario, "c2")
    scenario.do("place_hold", "c1", "h1", amount=usd(300), place=F1)
    scenario.do("freeze_account", "c1", reason="stolen")
    outcome = scenario.do("transfer_balance", "c1", to="c2", reason="replacement")
    assert outcome.types == ["value_sent"]
    assert standing(scenario) == ("Cancelled", 0, 0, 0)
    assert standing(scenario, "c2") == ("Activated", 1000, 300, 700)
    assert scenario.do("capture_hold", "c1", hold="h1").reason == "account_cancelled"
    assert scenario.do("release_hold", "c1", hold="h1").reason == "hold_closed"
    assert scenario.do("place_hold", "c2", "h1", amount=usd(1)).reason == "id_reused"
    body = scenario.do("capture_hold", "c2", hold="h1").body
    assert (body.parts[0].location, body.parts[0].lot) == ("F1", "L1")


@pytest.mark.parametrize(
    ("may", "account", "to", "reason"),
    [
        (["adjust"], "c1", "c2", "account_frozen"),
        (["adjust", "freeze"], "c1", "c2", None),
        (["freeze"], "c1", "c2", "not_permitted"),
        (["adjust", "freeze"], "c1", "c1", "not_permitted"),
        (["adjust"], CREDIT, "c2", "not_permitted"),
        (["adjust"], "empty", "c2", "insufficient_funds"),
    ],
)
def test_a_transfer_is_for_cards_and_a_frozen_one_needs_the_right_to_freeze(
    may: list[str], account: str, to: str, reason: str | None
) -> None:
    scenario = with_card(100, channels={"desk": {"may": may}})
    sold(scenario, "c2")
    sold(scenario, "empty")
    owner = {"customer": "u1"}
    scenario.do("issue_credit", CREDIT, owner=owner, amount=usd(5), origin="goodwill")
    scenario.do("freeze_account", "c1", reason="r")
    outcome = scenario.do("transfer_balance", account, to=to, reason="lost", source="channel/desk")
    assert outcome.reason == reason


CALIFORNIA = [
    {"jurisdiction": "US-CA", "cash_out_below": 1000},
    {"jurisdiction": "US-CA", "cash_out_below": 1500, "from": "2026-04-01"},
    {"jurisdiction": "US-NY", "cash_out_up_to": 500},
]


@pytest.mark.parametrize(
    ("minor", "place", "reason"),
    [
        (1499, F2, None),
        (1500, F2, "cash_out_not_allowed"),
        (500, F1, None),
        (501, F1, "cash_out_not_allowed"),
        (500, None, None),
        (501, None, "cash_out_not_allowed"),
    ],
)
def test_cash_is_paid_out_where_the_law_of_the_place_else_of_the_lot_gives_it(
    minor: int, place: dict[str, Any] | None, reason: str | None
) -> None:
    scenario = with_card(minor, law=CALIFORNIA)
    outcome = scenario.do("cash_out", "c1", **({"place": place} if place else {}))
    assert outcome.reason == reason
    if reason is None:
        assert (outcome.body.minor, outcome.body.parts[0].category) == (minor, "cash")
        assert standing(scenario) == ("Redeemed", 0, 0, 0)


def test_a_charged_back_sale_freezes_takes_what_is_unspent_and_reports_the_rest() -> None:
    scenario = with_card(100)
    scenario.do("redeem", "c1", "k1", amount=usd(40))
    assert scenario.do("charge_back_sale", "c1", sale="other").reason == "unknown_sale"
    body = scenario.do("charge_back_sale", "c1", sale="sale-c1").body
    assert (body.minor, body.spent_minor, body.tender) == (60, 40, "cash")
    assert body.sale_where.location == "F1"
    assert standing(scenario) == ("Redeemed", 0, 0, 0)
    assert scenario.account("c1")["frozen"]
    assert scenario.do("charge_back_sale", "c1", sale="sale-c1").types == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"minor": 100}, None),
        ({"minor": -100}, None),
        ({"minor": -1001}, "approval_required"),
        ({"minor": 101}, "approval_required"),
        ({"minor": 101, "approved_by": "sam"}, "approval_required"),
        ({"minor": 101, "approved_by": "eve"}, None),
        ({"minor": -1001, "approved_by": "eve"}, "would_be_negative"),
        ({"minor": 0}, "amount_not_positive"),
    ],
)
def test_an_adjustment_is_never_below_0_and_a_big_one_needs_another_person(
    data: dict[str, Any], reason: str | None
) -> None:
    scenario = with_card(1000, gift={"limits": {"adjust_alone_max": 100}})
    precedence = {-1001: "would_be_negative"}.get(data["minor"], reason)
    outcome = scenario.do("adjust_balance", "c1", reason="count", place=F1, **data)
    assert outcome.reason == precedence
    if reason is None:
        assert standing(scenario)[1] == 1000 + data["minor"]


def test_staff_end_credit_and_only_credit() -> None:
    scenario = with_card(100)
    owner = {"customer": "u1"}
    scenario.do("issue_credit", CREDIT, owner=owner, amount=usd(500), origin="goodwill")
    assert scenario.do("expire_credit", "c1", reason="r").reason == "not_permitted"
    part = scenario.do("expire_credit", CREDIT, amount=usd(200), reason="r")
    assert (part.types, part.body.cause) == (["lots_expired"], "staff")
    over = scenario.do("expire_credit", CREDIT, amount=usd(301), reason="r")
    assert over.reason == "insufficient_funds"
    scenario.do("expire_credit", CREDIT, reason="r")
    assert standing(scenario, CREDIT) == ("Activated", 0, 0, 0)
    assert scenario.do("cancel_account", CREDIT, reason="r").reason is None
    assert standing(scenario, CREDIT)[0] == "Cancelled"


def test_only_an_account_at_0_is_cancelled_and_only_once() -> None:
    scenario = with_card(100)
    assert scenario.do("cancel_account", "c1", reason="r").reason == "balance_not_zero"
    scenario.do("redeem", "c1", amount=usd(100))
    assert scenario.do("cancel_account", "c1", reason="r").reason is None
    assert scenario.do("cancel_account", "c1", reason="r").reason == "account_cancelled"
    assert scenario.do("redeem", "c1", amount=usd(1)).reason == "account_cancelled"


def test_freezing_is_an_overlay_and_twice_is_once() -> None:
    scenario = with_card(100)
    assert scenario.do("freeze_account", "c1", reason="r", case="7").body.case == "7"
    assert scenario.do("freeze_account", "c1", reason="r").types == []
    assert standing(scenario)[0] == "Activated"
    assert scenario.do("load_value", "c1", amount=usd(5), origin="paid").reason is None
    assert scenario.do("unfreeze_account", "c1", reason="r").types == ["account_unfrozen"]
    assert scenario.do("redeem", "c1", amount=usd(5)).reason is None


def test_a_full_expired_or_frozen_account_still_receives() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100, expires_at=scenario.now + DAY))
    sold(scenario, "c2", lot("L1", 900), balance_max=900)
    scenario.later(days=1)
    scenario.sweep()
    scenario.do("freeze_account", "c1", reason="r")
    scenario.do("transfer_balance", "c2", to="c1", reason="lost")
    assert standing(scenario) == ("Activated", 900, 0, 900)
    sold(scenario, "c3", lot("L1", 900), balance_max=900)
    sold(scenario, "c4", lot("L1", 50))
    scenario.do("transfer_balance", "c4", to="c3", reason="lost")
    assert standing(scenario, "c3") == ("Activated", 950, 0, 950)
    assert len({one["lot"] for one in scenario.account("c3")["lots"]}) == 2


def test_a_transfer_that_is_called_a_refund_leaves_lots_their_programme() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100))
    sold(scenario, "c2", lot("L2", 100), programme="once")
    scenario.do("transfer_balance", "c1", to="c2", reason="refund")
    lots = scenario.account("c2")["lots"]
    assert {lot["lot"]: lot["programme"] for lot in lots} == {"L1": "gift", "L2": "once"}


def test_a_charge_back_takes_the_sales_value_out_of_a_lot_it_was_merged_into() -> None:
    scenario = with_card(10_000)
    for _ in range(100):
        scenario.do("load_value", "c1", amount=usd(1), origin="paid", tender="cash", place=F1)
    lots = scenario.account("c1")["lots"]
    assert 10_001 in [lot["minor"] for lot in lots], "the sale's lot was merged with a load's"
    body = scenario.do("charge_back_sale", "c1", sale="sale-c1").body
    assert (body.minor, body.spent_minor) == (10_000, 0)
    assert standing(scenario) == ("Activated", 100, 0, 100)
