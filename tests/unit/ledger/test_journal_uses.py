"""Which legs a use and its refund post, in how many books, and what a journal says of itself."""

import pytest

from schemas.redemption_facts import ValueReceived
from services.ledger.journal import UndatedEntityError, derive
from tests.unit.ledger.facts import (
    account_fact,
    at,
    captured,
    journals,
    legs,
    lot,
    part,
    policy,
    published,
    refunded,
)


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
