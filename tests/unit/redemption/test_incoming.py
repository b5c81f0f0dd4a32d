"""What comes in: activation, loads, store credit, limits, the law's floor, merging of lots."""

from typing import Any

import pytest

from schemas.identifiers import credit_account
from schemas.instants import parse_instant, years_after
from tests.unit.redemption.network import F1, F2, lot, network, sold, standing, usd, with_card

CREDIT = credit_account("customer", "u1", "USD")
FLOOR = [{"jurisdiction": "US", "expiry_floor_years": 5}]


def test_an_activated_card_keeps_its_sale_for_a_return() -> None:
    scenario = network()
    body = sold(scenario, "c1", lot("L1", 100, funded=90)).body
    assert (body.cause, body.minor, body.price_minor, body.state) == (
        "activation",
        100,
        90,
        "Activated",
    )
    sale = scenario.rows["c1"].sale
    assert (sale.sale, sale.tender, sale.price_minor) == ("sale-c1", "cash", 90)


def test_a_card_sold_as_a_replacement_waits_at_0() -> None:
    scenario = network()
    sold(scenario, "c1")
    assert standing(scenario) == ("Activated", 0, 0, 0)
    assert scenario.do("redeem", "c1", amount=usd(1)).reason == "insufficient_funds"


def test_a_load_on_a_used_up_card_makes_it_live_again() -> None:
    scenario = with_card(100)
    scenario.do("redeem", "c1", amount=usd(100))
    outcome = scenario.do("load_value", "c1", amount=usd(50), origin="paid", place=F2)
    found = outcome.body.lots[0]
    assert (found.location, found.entity, found.cohort) == ("F2", "E2", "2026-05")
    assert standing(scenario) == ("Activated", 50, 0, 50)


@pytest.mark.parametrize(
    ("data", "funded"),
    [
        ({"origin": "paid"}, 100),
        ({"origin": "paid", "price": usd(90)}, 90),
        ({"origin": "paid", "tender": "promo"}, 0),
        ({"origin": "promo"}, 0),
        ({"origin": "goodwill"}, 100),
    ],
)
def test_what_the_books_owe_for_a_load_is_what_was_paid(data: dict[str, Any], funded: int) -> None:
    body = with_card().do("load_value", "c1", amount=usd(100), **data).body
    assert body.lots[0].funded == funded


@pytest.mark.parametrize(
    ("data", "policy", "reason"),
    [
        ({"price": usd(101)}, {}, "denomination_not_offered"),
        ({}, {"gift": {"reloadable": False}}, "denomination_not_offered"),
        ({"price": {"minor": 1, "currency": "EUR"}}, {}, "wrong_currency"),
        ({"expires_at": "2026-01-01T00:00:00Z"}, {}, "denomination_not_offered"),
    ],
)
def test_a_load_that_policy_does_not_offer_is_refused(
    data: dict[str, Any], policy: dict[str, Any], reason: str
) -> None:
    scenario = with_card(**policy)
    outcome = scenario.do("load_value", "c1", amount=usd(100), origin="paid", **data)
    assert outcome.reason == reason


def test_a_load_is_limited_by_balance_and_by_day() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100), balance_max=1000, per_day_max=500)
    for minor, reason in ((901, "limit_exceeded"), (500, None), (1, "limit_exceeded")):
        outcome = scenario.do("load_value", "c1", amount=usd(minor), origin="paid")
        assert outcome.reason == reason
    assert scenario.do("redeem", "c1", amount=usd(500)).reason is None
    scenario.later(days=1)
    assert scenario.do("load_value", "c1", amount=usd(1), origin="paid").reason is None


def test_a_load_moves_the_laws_floor_for_every_lot() -> None:
    scenario = network(law=FLOOR)
    floor = years_after(scenario.now, 5)
    sold(scenario, "c1", lot("L1", 100, expires_at=floor))
    scenario.later(days=300)
    body = scenario.do("load_value", "c1", amount=usd(5), origin="paid").body
    later = years_after(scenario.now, 5)
    assert [(one.lot, one.expires_at) for one in body.validity] == [("L1", later)]
    assert scenario.account("c1")["lots"][0]["expires_at"] == later


def test_a_load_ends_with_the_programmes_validity_at_least_with_the_laws() -> None:
    for law, end in (([], 30 * 86_400_000), (FLOOR, None)):
        scenario = network(gift={"validity": {"days": 30}}, law=law)
        sold(scenario, "c1")
        body = scenario.do("load_value", "c1", amount=usd(5), origin="paid", place=F1).body
        expected = scenario.now + end if end else years_after(scenario.now, 5)
        assert body.lots[0].expires_at == expected


def test_a_101st_lot_merges_the_two_oldest_that_agree_and_owes_what_they_owed() -> None:
    scenario = network()
    sold(scenario, "c1")
    for number in range(100):
        price = usd(9) if number else usd(10)
        scenario.do("load_value", "c1", f"l{number}", amount=usd(10), price=price, origin="paid")
    scenario.do("place_hold", "c1", "h1", amount=usd(995))
    scenario.do("capture_hold", "c1", hold="h1", amount=usd(15), final=False)
    scenario.do("load_value", "c1", amount=usd(10), price=usd(9), origin="paid")
    lots = scenario.account("c1")["lots"]
    before = scenario.do("load_value", "c1", amount=usd(10), price=usd(9), origin="paid")
    assert len(before.body.merged) == 1
    assert len(lots) <= 100
    assert len(scenario.account("c1")["lots"]) == 100
    row = scenario.rows["c1"]
    assert sum(one.held for one in row.lots) == row.held == 980
    assert scenario.do("capture_hold", "c1", hold="h1").body.minor == 980


def test_a_101st_lot_that_no_two_can_make_room_for_is_refused() -> None:
    scenario = network()
    ends = [lot(f"L{n}", 1, expires_at=scenario.now + 10**9 + n) for n in range(100)]
    sold(scenario, "c1", *ends)
    outcome = scenario.do("load_value", "c1", amount=usd(1), origin="paid")
    assert outcome.reason == "limit_exceeded"


def issue(**changes: Any) -> dict[str, Any]:
    """An issue of 500 to customer u1."""
    return {"owner": {"customer": "u1"}, "amount": usd(500), "origin": "goodwill", **changes}


def test_credit_makes_its_account_at_first_use() -> None:
    scenario = network()
    body = scenario.do("issue_credit", CREDIT, **issue(note="sorry"), place=F1).body
    assert (body.owner_kind, body.owner, body.programme) == ("customer", "u1", "credit")
    assert standing(scenario, CREDIT) == ("Activated", 500, 0, 500)
    scenario.do("issue_credit", CREDIT, **issue(origin="promo"))
    funded = [one["funded"] for one in scenario.account(CREDIT)["lots"]]
    assert funded == [500, 0]


@pytest.mark.parametrize(
    ("subject", "data", "reason"),
    [
        ("c1", {}, "not_permitted"),
        (CREDIT, {"owner": {"company": "u1"}}, "not_permitted"),
        (CREDIT, {"amount": {"minor": 5, "currency": "EUR"}}, "not_permitted"),
        (
            credit_account("customer", "u1", "EUR"),
            {"amount": {"minor": 5, "currency": "EUR"}},
            "unknown_programme",
        ),
        (CREDIT, {"amount": usd(0)}, "amount_not_positive"),
        (CREDIT, {"membership": "tin", "origin": "membership"}, "unknown_programme"),
    ],
)
def test_credit_that_may_not_be_issued_is_refused(
    subject: str, data: dict[str, Any], reason: str
) -> None:
    assert network().do("issue_credit", subject, **issue(**data)).reason == reason


def test_membership_credit_is_the_plans_amount_once_per_assignment() -> None:
    scenario = network()
    plan = issue(origin="membership", membership="gold", assignment="a1", amount=usd(1))
    body = scenario.do("issue_credit", CREDIT, **plan).body
    assert (body.minor, body.note, body.assignment) == (2500, "membership gold", "a1")
    scenario.later(days=3000)
    assert scenario.do("issue_credit", CREDIT, **plan).reason == "already_issued"
    assert scenario.do("issue_credit", CREDIT, **{**plan, "assignment": "a2"}).reason is None


def test_value_that_arrives_on_a_card_of_stock_waits_as_its_credit() -> None:
    scenario = with_card(100)
    scenario.do("transfer_balance", "c1", to="stock", reason="lost")
    assert standing(scenario, "stock+credit") == ("Activated", 100, 0, 100)
    sold(scenario, "stock", lot("L1", 5))
    assert standing(scenario, "stock") == ("Activated", 5, 0, 5)


def test_no_expiry_law_keeps_value_for_a_century() -> None:
    scenario = network(
        gift={"validity": {"days": 30}}, law=[{"jurisdiction": "US-CA", "no_expiry": True}]
    )
    sold(scenario, "c1")
    body = scenario.do("load_value", "c1", amount=usd(5), origin="paid", place=F2).body
    assert body.lots[0].expires_at > parse_instant("2126-01-01T00:00:00Z")
