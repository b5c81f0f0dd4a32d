"""Which legs value posts when it comes in, is spent, comes back and goes out."""

from typing import Any

import pytest

from schemas.charge_backs import SaleChargedBack
from schemas.redemption_facts import (
    BalanceAdjusted,
    CardReturned,
    CreditIssued,
    ValidityExtended,
    ValueSent,
    ValueTaken,
)
from tests.unit.ledger.facts import account_fact, at, legs, loaded, lot, part


def taken(type: str, place: str, *parts: Any) -> dict[str, dict[str, int]]:
    body = account_fact(
        ValueTaken, at(place), minor=sum(p.minor for p in parts), parts=list(parts), cause="sweep"
    )
    return legs(type, body)


@pytest.mark.parametrize(
    ("fields", "debit"),
    [
        ({"tender": "cash"}, "1020"),
        ({"tender": "card"}, "1010"),
        ({"tender": "psp"}, "1010"),
        ({"tender": "voucher"}, "1010"),
        ({"cause": "load", "tender": "cash"}, "1020"),
        ({"cause": "load", "origin": "goodwill", "tender": "cash"}, "6100"),
        ({"cause": "import", "origin": "import", "tender": "import"}, "3900"),
    ],
)
def test_value_that_comes_in_is_owed_and_charged_to_where_it_came_from(
    fields: dict[str, Any], debit: str
) -> None:
    assert legs("value_loaded", loaded(10_000, **fields)) == {"A": {debit: 10_000, "2100": -10_000}}


def test_a_card_sold_below_its_face_owes_what_was_paid() -> None:
    assert legs("value_loaded", loaded(10_000, funded=9_000)) == {
        "A": {"1020": 9_000, "2100": -9_000}
    }


@pytest.mark.parametrize(
    ("minor", "fields"),
    [
        (2_000, {"tender": "promo", "origin": "promo", "funded": 0}),
        (2_000, {"cause": "load", "origin": "promo", "funded": 0}),
        (0, {"tender": "replacement"}),
    ],
)
def test_promo_value_and_replacements_post_nothing(minor: int, fields: dict[str, Any]) -> None:
    assert legs("value_loaded", loaded(minor, **fields)) == {}


@pytest.mark.parametrize(
    ("origin", "debit"),
    [
        ("goodwill", "6100"),
        ("membership", "6110"),
        ("consignment", "2350"),
        ("issuance", "6100"),
        ("refund", "4050"),
    ],
)
def test_store_credit_is_charged_by_its_origin(origin: str, debit: str) -> None:
    body = account_fact(
        CreditIssued,
        at("A"),
        kind="credit",
        owner_kind="customer",
        owner="u1",
        lots=[lot(1_000, origin=origin)],
        minor=1_000,
        origin=origin,
    )
    assert legs("credit_issued", body) == {"A": {debit: 1_000, "2110": -1_000}}


def test_promo_credit_posts_nothing_until_it_is_used() -> None:
    body = account_fact(
        CreditIssued,
        at("A"),
        kind="credit",
        owner_kind="customer",
        owner="u1",
        lots=[lot(1_000, origin="promo", funded=0)],
        minor=1_000,
        origin="promo",
    )
    assert legs("credit_issued", body) == {}


def test_an_unused_card_is_paid_back_by_its_tender() -> None:
    body = account_fact(
        CardReturned,
        at("A"),
        return_id="x",
        minor=10_000,
        price_minor=9_000,
        tender="card",
        parts=[part(10_000, funded=9_000)],
    )
    assert legs("card_returned", body) == {"A": {"2100": 9_000, "1010": -9_000}}


def test_an_unused_card_given_away_is_paid_back_with_nothing() -> None:
    body = account_fact(
        CardReturned,
        at("A"),
        return_id="x",
        minor=2_000,
        price_minor=2_000,
        tender="promo",
        parts=[part(2_000, funded=0, origin="promo")],
    )
    assert legs("card_returned", body) == {}


def test_an_unused_card_returned_elsewhere_is_bridged() -> None:
    body = account_fact(
        CardReturned,
        at("B"),
        return_id="x",
        minor=10_000,
        price_minor=10_000,
        tender="cash",
        parts=[part(10_000)],
    )
    assert legs("card_returned", body) == {
        "A": {"2100": 10_000, "2300(B)": -10_000},
        "B": {"1200(A)": 10_000, "1020": -10_000},
    }


def test_a_cash_out_pays_the_face_from_the_drawer() -> None:
    assert taken("cashed_out", "A", part(910)) == {"A": {"2100": 910, "1020": -910}}
    assert taken("cashed_out", "B", part(900, funded=800)) == {
        "A": {"2100": 800, "2300(B)": -800},
        "B": {"1200(A)": 800, "4300": 100, "1020": -900},
    }


def test_an_adjustment_goes_through_goodwill_both_ways() -> None:
    up = account_fact(BalanceAdjusted, at("A"), minor=500, reason="x", parts=[], lots=[lot(500)])
    down = account_fact(
        BalanceAdjusted, at("B"), minor=-500, reason="x", parts=[part(500)], lots=[]
    )
    assert legs("balance_adjusted", up) == {"A": {"6100": 500, "2100": -500}}
    assert legs("balance_adjusted", down) == {"A": {"2100": 500, "6100": -500}}


def test_expired_value_waits_in_2190_and_comes_back_from_it() -> None:
    assert taken("lots_expired", "HQ", part(10_000, funded=9_000)) == {
        "A": {"2100": 9_000, "2190": -9_000}
    }
    extended = account_fact(
        ValidityExtended,
        at("HQ"),
        expires_at=9,
        reason="x",
        approved_by="ann",
        parts=[part(10_000)],
        lots=[lot(10_000)],
    )
    assert legs("validity_extended", extended) == {"A": {"2190": 10_000, "2100": -10_000}}


def test_escheated_value_is_owed_to_the_state() -> None:
    assert taken("value_escheated", "HQ", part(4_000)) == {"A": {"2100": 4_000, "2400": -4_000}}


def test_value_sent_and_received_drains_the_transit_in_the_lots_own_entity() -> None:
    moving = [lot(3_000), lot(1_000, entity="B", lot="lot-2")]
    sent = account_fact(ValueSent, at("C"), to="k", minor=4_000, lots=moving, holds=[], reason="x")
    assert legs("value_sent", sent) == {
        "A": {"2100": 3_000, "2150": -3_000},
        "B": {"2100": 1_000, "2150": -1_000},
    }


@pytest.mark.parametrize("sale_where", [None, at("A")])
def test_a_charged_back_sale_loses_what_is_spent(sale_where: Any) -> None:
    body = account_fact(
        SaleChargedBack,
        at("HQ"),
        sale="s1",
        minor=6_000,
        spent_minor=4_000,
        tender="card",
        parts=[part(6_000)],
        sale_where=sale_where,
    )
    assert legs("sale_charged_back", body) == {"A": {"2100": 6_000, "6950": 4_000, "1010": -10_000}}


def test_a_sale_charged_back_when_all_is_spent_is_lost_where_it_was_sold() -> None:
    body = account_fact(
        SaleChargedBack,
        at("HQ"),
        sale="s1",
        minor=0,
        spent_minor=10_000,
        tender="card",
        parts=[],
        sale_where=at("A"),
    )
    assert legs("sale_charged_back", body) == {"A": {"6950": 10_000, "1010": -10_000}}


def test_what_is_found_later_of_a_charged_back_sale_is_lost_no_more() -> None:
    body = account_fact(
        SaleChargedBack,
        at("HQ"),
        kind="credit",
        sale="s1",
        minor=2_500,
        spent_minor=-2_500,
        tender="card",
        parts=[part(2_500)],
        card="c1",
    )
    assert legs("sale_charged_back", body) == {"A": {"2110": 2_500, "6950": -2_500}}
