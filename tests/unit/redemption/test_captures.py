"""Captures: the split by line and lot, several of them, late ones, one-time cards."""

from typing import Any

import pytest

from services.redemption.lots import funded_left
from tests.scenario import Scenario
from tests.unit.redemption.network import (
    F1,
    F2,
    line,
    lot,
    network,
    policy,
    sold,
    standing,
    usd,
    with_card,
)

EXAMPLE = [line(1, "service", 2000), line(2, "class", 4000), line(3, "product", 1000)]


def held(scenario: Scenario, minor: int, card: str = "c1") -> Scenario:
    scenario.do("place_hold", card, "h1", amount=usd(minor))
    return scenario


def test_lines_are_covered_by_largest_remainder() -> None:
    scenario = held(with_card(10_000), 3500)
    body = scenario.do("capture_hold", "c1", hold="h1", lines=EXAMPLE, place=F2).body
    assert [one.covered for one in body.lines] == [1000, 2000, 500]
    assert [one.amount for one in body.lines] == [2000, 4000, 1000]


def test_of_equal_remainders_the_earlier_line_gets_the_cent() -> None:
    scenario = held(with_card(10_000), 100)
    three = [line(n, "service", 100) for n in (1, 2, 3)]
    body = scenario.do("capture_hold", "c1", hold="h1", lines=three).body
    assert [one.covered for one in body.lines] == [34, 33, 33]


def test_lines_are_split_over_what_is_left_of_each_lots_draw() -> None:
    scenario = network()
    sold(scenario, "c1", lot("A", 3), lot("B", 3, location="F2", entity="E2"))
    lines = [line(1, "service", 3), line(2, "service", 1), line(3, "tip", 2)]
    body = scenario.do("redeem", "c1", amount=usd(6), lines=lines).body
    split = [(part.line, part.lot, part.minor) for part in body.parts]
    assert split == [(1, "A", 2), (1, "B", 1), (2, "B", 1), (3, "A", 1), (3, "B", 1)]


def test_without_lines_all_of_it_is_one_unclassified_line() -> None:
    body = with_card(500).do("redeem", "c1", amount=usd(20)).body
    assert [(part.line, part.category, part.minor) for part in body.parts] == [
        (1, "unclassified", 20)
    ]


def test_lots_are_drawn_promo_first_then_soonest_expiring_then_oldest() -> None:
    scenario = network()
    now = scenario.now
    sold(
        scenario,
        "c1",
        lot("old", 10, sold_at=now - 9),
        lot("new", 10, sold_at=now - 1),
        lot("late", 10, expires_at=now + 10**9),
        lot("soon", 10, expires_at=now + 10**6),
        lot("promo", 10, origin="promo", funded=0),
    )
    body = scenario.do("redeem", "c1", amount=usd(45)).body
    assert [(one.lot, one.minor) for one in body.draws] == [
        ("promo", 10),
        ("soon", 10),
        ("late", 10),
        ("old", 10),
        ("new", 5),
    ]


def test_the_draw_order_is_policys() -> None:
    scenario = network(gift={"draw": ["oldest"]})
    now = scenario.now
    sold(scenario, "c1", lot("P", 10, origin="promo", funded=0), lot("O", 10, sold_at=now - 5))
    assert [one.lot for one in scenario.do("redeem", "c1", amount=usd(5)).body.draws] == ["O"]


def test_what_the_books_owe_falls_cumulatively_to_exactly_nothing() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100, funded=90))
    funded = []
    for minor in (50, 25, 24, 1):
        funded.append(scenario.do("redeem", "c1", amount=usd(minor)).body.parts[0].funded)
    assert funded == [45, 22, 22, 1]
    assert sum(funded) == 90


def test_promo_value_is_spent_unfunded() -> None:
    scenario = network()
    sold(scenario, "c1", lot("P", 100, origin="promo", funded=0))
    part = scenario.do("redeem", "c1", amount=usd(20)).body.parts[0]
    assert (part.minor, part.funded, part.origin) == (20, 0, "promo")


def test_several_captures_until_final_and_the_rest_is_released() -> None:
    scenario = held(with_card(1000), 600)
    first = scenario.do("capture_hold", "c1", hold="h1", amount=usd(100), final=False)
    assert standing(scenario) == ("Activated", 900, 500, 400)
    assert (first.body.hold.minor, first.body.hold.captured) == (500, 100)
    last = scenario.do("capture_hold", "c1", hold="h1", amount=usd(200))
    assert last.body.released_minor == 300
    assert standing(scenario) == ("Activated", 700, 0, 700)
    assert scenario.do("capture_hold", "c1", hold="h1").reason == "hold_closed"


def test_an_unknown_hold_is_refused_before_anything_about_amounts() -> None:
    assert with_card().do("capture_hold", "c1", hold="h9", amount=usd(-1)).reason == "unknown_hold"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([line(1, "service", 99)], "lines_do_not_add_up"),
        ([line(1, "service", 100)], None),
        ([line(1, "service", 250)], None),
        ([line(1, "service", 60), line(1, "tip", 60)], "lines_do_not_add_up"),
        ([line(1, "service", 200), line(2, "tip", -1)], "amount_not_positive"),
        ([line(1, "service", 200), line(2, "tip", 0)], None),
        (
            [{"line": 1, "category": "tip", "amount": {"minor": 500, "currency": "EUR"}}],
            "wrong_currency",
        ),
    ],
)
def test_lines_must_add_up_to_the_amount_at_least(
    lines: list[dict[str, Any]], reason: str | None
) -> None:
    scenario = held(with_card(1000), 100)
    assert scenario.do("capture_hold", "c1", hold="h1", lines=lines).reason == reason
    assert with_card(1000).do("redeem", "c1", amount=usd(100), lines=lines).reason == reason


def test_a_redemption_is_hold_and_capture_in_one() -> None:
    scenario = with_card(1000)
    outcome = scenario.do("redeem", "c1", "r1", amount=usd(300), place=F1)
    assert outcome.types == ["hold_placed", "hold_captured"]
    assert standing(scenario) == ("Activated", 700, 0, 700)
    assert scenario.do("release_hold", "c1", hold="r1").reason == "hold_closed"


def test_a_partial_redemption_scales_the_lines_to_what_was_covered() -> None:
    outcome = with_card(3500).do(
        "redeem", "c1", amount=usd(7000), lines=EXAMPLE, allow_partial=True
    )
    assert (outcome.decision.covered, outcome.decision.due) == (3500, 3500)
    assert [one.covered for one in outcome.body.lines] == [1000, 2000, 500]


def test_a_used_up_card_has_insufficient_funds() -> None:
    scenario = with_card(100)
    scenario.do("redeem", "c1", amount=usd(100))
    assert standing(scenario)[0] == "Redeemed"
    assert scenario.do("redeem", "c1", amount=usd(1)).reason == "insufficient_funds"


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize(
    ("late", "other", "reason", "taken", "exception"),
    [
        ("honour_if_available", 0, None, 600, 0),
        ("honour_if_available", 700, "hold_lapsed", 0, 0),
        ("honour_with_exception", 0, None, 600, 0),
        ("reject", 0, "hold_lapsed", 0, 0),
    ],
)
def test_a_late_capture_is_decided_by_policy_lapsed_or_not(
    swept: bool, late: str, other: int, reason: str | None, taken: int, exception: int
) -> None:
    scenario = held(with_card(1000, gift={"late_capture": late}), 600)
    scenario.later(seconds=600)
    if swept or other:
        scenario.sweep()
    if other:
        scenario.do("redeem", "c1", amount=usd(other))
    outcome = scenario.do("capture_hold", "c1", hold="h1", lines=[line(1, "service", 600)])
    assert outcome.reason == reason
    if reason is None:
        body = outcome.body
        assert (body.minor, body.exception_minor, body.late) == (taken, exception, True)
        assert standing(scenario) == ("Activated", 1000 - taken, 0, 1000 - taken)


def test_a_late_capture_with_exception_takes_what_there_is_and_never_more() -> None:
    scenario = held(with_card(1000, gift={"late_capture": "honour_with_exception"}), 600)
    scenario.later(seconds=600)
    scenario.sweep()
    scenario.do("redeem", "c1", amount=usd(900))
    body = scenario.do("capture_hold", "c1", hold="h1").body
    assert (body.minor, body.exception_minor, body.requested_minor) == (100, 500, 600)
    assert standing(scenario) == ("Redeemed", 0, 0, 0)


def test_late_captures_that_are_not_final_share_what_the_hold_had() -> None:
    scenario = held(with_card(1000), 600)
    scenario.later(seconds=600)
    for minor, reason in ((200, None), (300, None), (101, "amount_exceeds_hold")):
        data = {"hold": "h1", "amount": usd(minor), "final": False}
        assert scenario.do("capture_hold", "c1", **data).reason == reason
    assert scenario.do("capture_hold", "c1", hold="h1").body.minor == 100
    assert scenario.do("capture_hold", "c1", hold="h1").reason == "hold_closed"


def test_a_lot_that_expired_is_not_available_to_a_late_capture_lapsed_or_not() -> None:
    for swept in (False, True):
        scenario = network()
        sold(scenario, "c1", lot("L1", 100, expires_at=scenario.now + 600_000), lot("L2", 1))
        scenario.do("place_hold", "c1", "h1", amount=usd(100))
        scenario.later(seconds=600)
        if swept:
            scenario.sweep()
        assert scenario.do("capture_hold", "c1", hold="h1").reason == "hold_lapsed"


def test_a_hold_in_time_is_captured_though_its_lot_has_expired() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 100, expires_at=scenario.now + 300_000))
    scenario.do("place_hold", "c1", "h1", amount=usd(60))
    scenario.later(seconds=300)
    assert scenario.sweep() == ["expire_lots"]
    assert standing(scenario) == ("Activated", 60, 60, 0)
    assert scenario.do("capture_hold", "c1", hold="h1").body.minor == 60


def test_a_one_time_card_allows_one_hold() -> None:
    scenario = held(with_card(1000, "once"), 600)
    assert scenario.do("place_hold", "c1", amount=usd(1)).reason == "hold_already_open"


def test_the_rest_of_a_one_time_card_becomes_store_credit_of_the_card() -> None:
    scenario = held(with_card(1000, "once"), 600)
    outcome = scenario.do("capture_hold", "c1", "k1", hold="h1", final=False)
    assert outcome.types == ["hold_captured", "value_sent"]
    assert standing(scenario) == ("Redeemed", 0, 0, 0)
    assert standing(scenario, "c1+credit") == ("Activated", 400, 0, 400)
    assert scenario.account("c1+credit")["kind"] == "credit"
    assert scenario.do("place_hold", "c1", amount=usd(1)).reason == "already_used"


def test_a_one_time_card_is_usable_once_more_after_a_goods_refund() -> None:
    scenario = held(with_card(1000, "once"), 1000)
    scenario.do("capture_hold", "c1", "k1", hold="h1")
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(300))
    assert standing(scenario) == ("Activated", 300, 0, 300)
    assert scenario.do("redeem", "c1", amount=usd(300)).reason is None


def test_a_forfeited_rest_expires_where_lawful_and_is_credit_where_not() -> None:
    lawful = with_card(1000, "gone")
    outcome = lawful.do("redeem", "c1", amount=usd(600))
    assert outcome.types == ["hold_placed", "hold_captured", "lots_expired"]
    assert (outcome.body.cause, outcome.body.minor) == ("forfeit", 400)
    unlawful = with_card(1000, "gone", law=[{"jurisdiction": "US", "expiry_floor_years": 5}])
    assert unlawful.do("redeem", "c1", amount=usd(600)).types[-1] == "value_sent"


def test_credit_at_0_stays_activated() -> None:
    scenario = Scenario(policy(), "2026-05-01T14:00:00Z")
    scenario.do("receive_value", "x+credit", **received(lot("L1", 50)))
    scenario.do("redeem", "x+credit", amount=usd(50))
    assert standing(scenario, "x+credit") == ("Activated", 0, 0, 0)


def received(*lots: dict[str, Any]) -> dict[str, Any]:
    """The data of a `receive_value`."""
    return {
        "from": "elsewhere",
        "cause": "f1",
        "lots": list(lots),
        "kind": "card",
        "programme": "gift",
        "currency": "USD",
    }


def test_funded_left_rounds_half_up_of_the_share_at_the_start() -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 8, funded=4))
    found = scenario.rows["c1"].lots[0]
    assert [funded_left(found, minor) for minor in (8, 7, 5, 3, 1, 0)] == [4, 4, 3, 2, 1, 0]
