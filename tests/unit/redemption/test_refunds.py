"""Refunds: back to the lots it came from, cumulatively, or on as store credit."""

from typing import Any

import pytest

from schemas.identifiers import credit_account
from tests.scenario import Scenario
from tests.unit.redemption.network import F1, F2, line, lot, network, sold, standing, usd, with_card

CREDIT = credit_account("customer", "u1", "USD")


def spent(minor: int = 600, **changes: Any) -> Scenario:
    """Card c1 of two lots (300 discounted, then 700), of which capture k1 took `minor`."""
    scenario = network(**changes)
    now = scenario.now
    sold(
        scenario,
        "c1",
        lot("A", 300, funded=270, sold_at=now - 2),
        lot("B", 700, sold_at=now - 1, location="F2", entity="E2"),
    )
    lines = [line(1, "service", 400), line(2, "tip", minor - 400)]
    scenario.do("redeem", "c1", "k1", amount=usd(minor), lines=lines, place=F2)
    return scenario


def test_a_refund_goes_back_in_reverse_draw_order_within_its_line() -> None:
    scenario = spent()
    body = scenario.do(
        "refund_capture", "c1", capture="k1", lines=[{"line": 1, "amount": usd(250)}], place=F1
    ).body
    assert [(one.lot, one.minor) for one in body.restored] == [("A", 50), ("B", 200)]
    assert [(p.lot, p.minor, p.drawn, p.refunded_before) for p in body.parts] == [
        ("A", 50, 200, 0),
        ("B", 200, 200, 0),
    ]
    assert (body.capture_where.location, body.where.location) == ("F2", "F1")
    assert standing(scenario) == ("Activated", 650, 0, 650)


def test_every_part_of_a_touched_line_is_told_even_where_nothing_comes_back() -> None:
    scenario = spent()
    data = {"capture": "k1", "lines": [{"line": 1, "amount": usd(50)}]}
    parts = scenario.do("refund_capture", "c1", **data).body.parts
    assert [(p.lot, p.minor) for p in parts] == [("A", 0), ("B", 50)]
    parts = scenario.do("refund_capture", "c1", **data).body.parts
    assert [(p.lot, p.minor, p.refunded_before) for p in parts] == [("A", 0, 0), ("B", 50, 50)]


def test_without_lines_what_is_left_of_each_shares_by_largest_remainder() -> None:
    scenario = spent()
    scenario.do("refund_capture", "c1", capture="k1", lines=[{"line": 2, "amount": usd(100)}])
    body = scenario.do("refund_capture", "c1", capture="k1", amount=usd(250)).body
    assert [(one.line, one.covered) for one in body.lines] == [(1, 200), (2, 50)]


def test_a_capture_comes_back_in_full_and_then_no_more() -> None:
    scenario = spent()
    assert not scenario.do("refund_capture", "c1", capture="k1", amount=usd(599)).body.fully
    assert scenario.do("refund_capture", "c1", capture="k1", amount=usd(1)).body.fully
    view = scenario.account("c1")
    assert {one["lot"]: (one["minor"], one["funded"]) for one in view["lots"]} == {
        "A": (300, 270),
        "B": (700, 700),
    }
    again = scenario.do("refund_capture", "c1", capture="k1", amount=usd(1))
    assert again.reason == "amount_exceeds_capture"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"capture": "k9", "amount": usd(1)}, "unknown_capture"),
        ({"capture": "k1", "amount": {"minor": 1, "currency": "EUR"}}, "wrong_currency"),
        ({"capture": "k1", "amount": usd(0)}, "amount_not_positive"),
        ({"capture": "k1", "amount": usd(601)}, "amount_exceeds_capture"),
        ({"capture": "k1", "lines": [{"line": 2, "amount": usd(201)}]}, "amount_exceeds_capture"),
        ({"capture": "k1", "lines": [{"line": 7, "amount": usd(1)}]}, "amount_exceeds_capture"),
        (
            {"capture": "k1", "amount": usd(5), "lines": [{"line": 1, "amount": usd(4)}]},
            "lines_do_not_add_up",
        ),
        ({"capture": "k1", "amount": usd(4), "lines": [{"line": 1, "amount": usd(4)}]}, None),
    ],
)
def test_a_refund_is_at_most_what_was_captured_and_not_yet_refunded(
    data: dict[str, Any], reason: str | None
) -> None:
    assert spent().do("refund_capture", "c1", **data).reason == reason


def test_a_capture_is_refundable_for_as_long_as_policy_says() -> None:
    scenario = spent(refund_days=10)
    scenario.later(days=10)
    outcome = scenario.do("refund_capture", "c1", capture="k1", amount=usd(1))
    assert outcome.reason == "unknown_capture"


def test_a_refund_to_credit_leaves_the_card_and_the_refunding_place_owes_it() -> None:
    scenario = spent()
    scenario.do("issue_credit", CREDIT, owner={"customer": "u1"}, amount=usd(1), origin="goodwill")
    body = scenario.do(
        "refund_capture", "c1", capture="k1", amount=usd(600), to=CREDIT, place=F1
    ).body
    assert (body.to, body.to_same) == (CREDIT, False)
    assert standing(scenario) == ("Activated", 400, 0, 400)
    found = scenario.account(CREDIT)["lots"][1]
    assert (found["origin"], found["location"], found["entity"]) == ("refund", "F1", "E1")
    assert (found["minor"], found["funded"]) == (600, sum(part.funded for part in body.parts))
    assert found["programme"] == "credit"


def test_a_refund_onto_a_cancelled_card_becomes_its_store_credit() -> None:
    scenario = with_card(600)
    scenario.do("redeem", "c1", "k1", amount=usd(600))
    assert scenario.do("cancel_account", "c1", reason="lost").types == ["account_cancelled"]
    body = scenario.do("refund_capture", "c1", capture="k1", amount=usd(200)).body
    assert (body.to, body.to_same, body.state) == ("c1+credit", False, "Cancelled")
    assert standing(scenario, "c1+credit") == ("Activated", 200, 0, 200)


@pytest.mark.parametrize("swept", [False, True])
def test_a_refund_onto_an_expired_card_becomes_its_store_credit_swept_or_not(swept: bool) -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 600, expires_at=scenario.now + 1000))
    scenario.do("redeem", "c1", "k1", amount=usd(100))
    scenario.later(seconds=1)
    if swept:
        scenario.sweep()
        assert standing(scenario) == ("Expired", 0, 0, 0)
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(100))
    assert standing(scenario, "c1+credit") == ("Activated", 100, 0, 100)


def test_a_refunded_lot_that_expired_meanwhile_comes_back_as_a_new_one() -> None:
    scenario = network(gift={"validity": {"days": 10}})
    sold(scenario, "c1", lot("L1", 100, funded=90, expires_at=scenario.now + 1000), lot("L2", 5))
    scenario.do("redeem", "c1", "k1", amount=usd(100))
    scenario.later(seconds=1)
    body = scenario.do("refund_capture", "c1", capture="k1", amount=usd(40), place=F2).body
    assert (body.restored, len(body.lots)) == ([], 1)
    new = body.lots[0]
    assert (new.origin, new.location, new.entity) == ("refund", "F1", "E1")
    assert (new.minor, new.funded) == (40, 36)
    assert new.expires_at == scenario.now + 10 * 86_400_000
    assert standing(scenario) == ("Activated", 45, 0, 45)


def test_value_refunded_to_an_unknown_account_waits_as_unclaimed_credit() -> None:
    scenario = spent()
    scenario.do("refund_capture", "c1", capture="k1", amount=usd(50), to="nobody")
    assert "nobody" not in scenario.rows
    assert scenario.account("nobody+credit")["unclaimed"]
    assert standing(scenario, "nobody+credit") == ("Activated", 50, 0, 50)
