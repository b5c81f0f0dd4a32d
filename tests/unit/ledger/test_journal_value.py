"""Which legs value posts when it comes in, is spent, comes back and goes out."""

from typing import Any

import pytest

from schemas.redemption_facts import (
    BalanceAdjusted,
    CaptureRefunded,
    CardReturned,
    CreditIssued,
    HoldCaptured,
    SaleChargedBack,
    ValidityExtended,
    ValueLoaded,
    ValueReceived,
    ValueSent,
    ValueTaken,
)
from services.ledger.journal import UndatedEntityError, derive
from tests.unit.ledger.facts import account_fact, at, journals, legs, lot, part, policy, published


def loaded(minor: int, **fields: Any) -> ValueLoaded:
    funded = fields.pop("funded", minor)
    said = {"cause": "activation", "tender": "cash", "origin": "paid", **fields}
    lots = [lot(minor, funded=funded, origin=said["origin"])]
    made: ValueLoaded = account_fact(
        ValueLoaded, at("A"), lots=lots, minor=minor, price_minor=funded, **said
    )
    return made


def captured(place: str, *parts: Any, exception_minor: int = 0) -> HoldCaptured:
    minor = sum(p.minor for p in parts)
    made: HoldCaptured = account_fact(
        HoldCaptured,
        at(place),
        hold_id="h1",
        capture="r1",
        minor=minor,
        requested_minor=minor,
        exception_minor=exception_minor,
        late=False,
        final=True,
        parts=list(parts),
        lines=[],
        draws=[],
        hold=None,
        released_minor=0,
    )
    return made


def refunded(place: str, spent_at: str, *parts: Any, to_same: bool = True) -> CaptureRefunded:
    made: CaptureRefunded = account_fact(
        CaptureRefunded,
        at(place),
        capture="r1",
        to="card-1" if to_same else "credit-1",
        to_same=to_same,
        minor=sum(p.minor for p in parts),
        parts=list(parts),
        lines=[],
        restored=[],
        lots=[],
        capture_where=at(spent_at, "web"),
        fully=True,
    )
    return made


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


def test_a_use_within_one_entity_turns_liability_into_revenue_tax_and_tip() -> None:
    body = captured("A", part(5_000), part(400, category="tax"), part(100, category="tip"))
    assert legs("hold_captured", body) == {
        "A": {"2100": 5_500, "4000": -5_000, "2200": -400, "2250": -100}
    }


def test_spending_discounted_value_shows_the_discount() -> None:
    assert legs("hold_captured", captured("A", part(5_000, funded=4_500))) == {
        "A": {"2100": 4_500, "4300": 500, "4000": -5_000}
    }


def test_spending_promo_value_is_all_discount() -> None:
    body = captured("B", part(2_000, funded=0, origin="promo"))
    assert legs("hold_captured", body) == {"B": {"4300": 2_000, "4000": -2_000}}


def test_a_use_at_another_entity_is_bridged_by_what_is_funded() -> None:
    assert legs("hold_captured", captured("B", part(2_000, funded=1_800))) == {
        "A": {"2100": 1_800, "2300(B)": -1_800},
        "B": {"1200(A)": 1_800, "4300": 200, "4000": -2_000},
    }


def test_a_late_capture_beyond_the_balance_is_charged_to_the_location() -> None:
    assert legs("hold_captured", captured("B", exception_minor=500)) == {
        "B": {"6960": 500, "4000": -500}
    }


def test_a_refund_to_the_card_turns_the_use_round_where_it_was() -> None:
    body = refunded("C", "B", part(2_000, funded=1_800), part(160, category="tax"))
    assert legs("capture_refunded", body) == {
        "A": {"2100": -1_960, "2300(B)": 1_960},
        "B": {"1200(A)": -1_960, "4300": -200, "4050": 2_000, "2200": 160},
    }


def test_a_refund_to_another_account_stays_with_who_refunds() -> None:
    body = refunded("C", "B", part(5_000), part(400, category="tax"), to_same=False)
    assert legs("capture_refunded", body) == {"C": {"4050": 5_000, "2200": 400, "2150": -5_400}}


def test_a_refund_to_store_credit_nets_through_transfers_in_transit() -> None:
    refund = legs("capture_refunded", refunded("A", "A", part(5_400), to_same=False))
    received = account_fact(
        ValueReceived,
        at("A"),
        kind="credit",
        sender="card-1",
        minor=5_400,
        lots=[lot(5_400, origin="refund")],
        holds=[],
    )
    credit = legs("value_received", received)
    assert refund == {"A": {"4050": 5_400, "2150": -5_400}}
    assert credit == {"A": {"2150": 5_400, "2110": -5_400}}


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


@pytest.mark.parametrize("type", ["hold_placed", "hold_released", "hold_lapsed", "account_frozen"])
def test_facts_that_move_no_value_post_nothing(type: str) -> None:
    assert derive(published(type, captured("A", part(100))), policy()) == ()


def test_a_journal_says_what_it_is_of() -> None:
    fact = published("hold_captured", captured("B", part(2_000)))
    seller, shop = derive(fact, policy())
    assert (seller.type, seller.subject, seller.dates) == (
        "journal_posted.v1",
        fact.subject,
        fact.dates,
    )
    assert (seller.body.fact, seller.body.event) == (fact.id, "hold_captured")
    assert (seller.body.date, seller.body.business_date) == ("2026-05-01", "2026-04-30")
    assert seller.body.fact_topic == shop.body.fact_topic
    revenue = next(line for line in shop.body.lines if line.account == "4000")
    assert (revenue.location, revenue.channel, revenue.subject) == ("FB", "pos", "card-1")
    owed = next(line for line in seller.body.lines if line.account == "2100")
    assert (owed.location, owed.programme, owed.cohort, owed.origin) == (
        "FA",
        "gift",
        "2026-05",
        "paid",
    )


def test_the_chart_of_the_policy_renames_accounts() -> None:
    renamed = policy(chart={"2100": "21-100", "4000": "40-000"})
    (journal,) = journals("hold_captured", captured("A", part(700)), renamed).values()
    assert {line.account for line in journal.lines} == {"21-100", "40-000"}


def test_a_fact_without_a_date_for_an_entity_is_refused_by_name() -> None:
    fact = published("hold_captured", captured("B", part(700)), dates={"B": {"date": "2026-05-01"}})
    with pytest.raises(UndatedEntityError, match="no date for A"):
        derive(fact, policy())
