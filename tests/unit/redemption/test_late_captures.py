"""Late captures: beside holds that are past their end, and within order and day; swept or not."""

from typing import Any

import pytest

from services.redemption.rows import LAPSED_MAX
from tests.scenario import Scenario
from tests.unit.redemption.network import lot, network, sold, standing, usd, with_card

LATE = {"late_capture": "honour_with_exception"}


def lapsed_twice(scenario: Scenario, *, swept: bool) -> Scenario:
    """Two holds of 600 of 1000, one after the other, both past their end; the first was swept."""
    for name in ("h1", "h2"):
        scenario.sweep()
        scenario.do("place_hold", "c1", name, amount=usd(600))
        scenario.later(seconds=600)
    if swept:
        scenario.sweep()
    return scenario


@pytest.mark.parametrize("swept", [False, True])
def test_a_late_capture_takes_what_another_lapsed_hold_had_swept_or_not(swept: bool) -> None:
    scenario = lapsed_twice(with_card(1000, gift=LATE), swept=swept)
    body = scenario.do("capture_hold", "c1", hold="h1").body
    assert (body.minor, body.exception_minor, body.late) == (600, 0, True)
    assert standing(scenario) == ("Activated", 400, 0, 400)
    assert scenario.sweep() == []
    # The other has lapsed and no more: it is captured late in its turn, from what is left.
    body = scenario.do("capture_hold", "c1", hold="h2").body
    assert (body.minor, body.exception_minor) == (400, 200)


@pytest.mark.parametrize("swept", [False, True])
def test_a_late_capture_spends_a_one_time_card_another_lapsed_hold_swept_or_not(
    swept: bool,
) -> None:
    scenario = lapsed_twice(with_card(1000, "once"), swept=swept)
    outcome = scenario.do("capture_hold", "c1", hold="h1")
    assert outcome.types[-2:] == ["hold_captured", "value_sent"]
    assert outcome.facts[-2].body.minor == 600
    assert standing(scenario) == ("Redeemed", 0, 0, 0)
    assert scenario.sweep() == []
    assert scenario.do("capture_hold", "c1", hold="h2").reason == "already_used"


def test_a_hold_in_time_beside_it_keeps_what_it_has() -> None:
    scenario = with_card(1000, gift=LATE)
    scenario.do("place_hold", "c1", "h1", amount=usd(300))
    scenario.later(seconds=600)
    scenario.sweep()
    scenario.do("place_hold", "c1", "h2", amount=usd(300))
    scenario.later(seconds=300)
    scenario.do("place_hold", "c1", "h3", amount=usd(600))
    scenario.later(seconds=300)  # h2 is past its end and not swept, h3 is open
    outcome = scenario.do("capture_hold", "c1", "k1", hold="h1")
    assert [fact.type for fact in outcome.facts] == ["hold_lapsed.v1", "hold_captured.v1"]
    assert outcome.facts[0].body.balance.held == 600
    assert outcome.facts[1].body.minor == 300
    assert standing(scenario) == ("Activated", 700, 600, 100)


@pytest.mark.parametrize("swept", [False, True])
def test_a_capture_in_time_spends_a_one_time_card_whose_other_hold_has_lapsed_swept_or_not(
    swept: bool,
) -> None:
    """A one-time card has two holds only after a transfer; the card waits for open ones."""
    scenario = with_card(1000, "once")
    sold(scenario, "c2", lot("L2", 500), programme="once")
    scenario.do("place_hold", "c1", "h1", amount=usd(600), ttl_seconds=900)
    scenario.do("place_hold", "c2", "h2", amount=usd(400), ttl_seconds=300)
    scenario.do("transfer_balance", "c1", to="c2", reason="lost")
    assert standing(scenario, "c2") == ("Activated", 1500, 1000, 500)
    scenario.later(seconds=300)
    if swept:
        scenario.sweep()
    outcome = scenario.do("capture_hold", "c2", hold="h1")
    assert outcome.types == [*([] if swept else ["hold_lapsed"]), "hold_captured", "value_sent"]
    assert standing(scenario, "c2") == ("Redeemed", 0, 0, 0)
    assert scenario.sweep() == []


def order(total: int = 3000) -> dict[str, Any]:
    return {"id": "o1", "total": usd(total)}


def held_and_late(scenario: Scenario, *, swept: bool, **more: Any) -> Scenario:
    """A hold of 3000, past its end, lapsed or not yet."""
    scenario.do("place_hold", "c1", "h1", amount=usd(3000), **more)
    scenario.later(seconds=3600)
    if swept:
        scenario.sweep()
    return scenario


@pytest.mark.parametrize("policy", ["honour_if_available", "honour_with_exception", "reject"])
def test_an_order_is_not_paid_twice_by_a_late_capture(policy: str) -> None:
    """Nor by an exception: the goods of this order have been paid."""
    scenario = with_card(4000, gift={"late_capture": policy})
    held_and_late(scenario, swept=True, order=order())
    assert scenario.do("redeem", "c1", "r1", amount=usd(3000), order=order()).reason is None
    reason = "limit_exceeded" if policy == "honour_with_exception" else "hold_lapsed"
    assert scenario.do("capture_hold", "c1", hold="h1").reason == reason
    assert standing(scenario) == ("Activated", 1000, 0, 1000)


@pytest.mark.parametrize("swept", [False, True])
def test_uses_of_an_order_while_its_hold_was_open_leave_a_late_capture_less_swept_or_not(
    swept: bool,
) -> None:
    scenario = with_card(10_000)
    total, more = order(5000), order(9000)
    done = [
        scenario.do("redeem", "c1", "r1", amount=usd(1000), order=total),
        scenario.do("place_hold", "c1", "h1", amount=usd(3000), order=total),
        scenario.do("refund_capture", "c1", capture="r1", amount=usd(500)),
        scenario.do("place_hold", "c1", "h2", amount=usd(1000), order=total, ttl_seconds=9000),
        scenario.do("capture_hold", "c1", hold="h2", amount=usd(700), final=False),
        scenario.do("increase_hold", "c1", hold="h2", amount=usd(500)),
        scenario.do("redeem", "c1", "r2", amount=usd(1), order=more),
    ]
    assert [one.reason for one in done] == [None] * 7
    scenario.later(seconds=3600)
    if swept:
        scenario.sweep()
    # Of 5000 r1 has 500, r2 1 and h2 1500, captured or open: 2999 are left.
    late = [
        scenario.do("capture_hold", "c1", hold="h1", amount=usd(minor), final=False).reason
        for minor in (3000, 2500, 500, 499)
    ]
    assert late == ["limit_exceeded", None, "limit_exceeded", None]


@pytest.mark.parametrize("swept", [False, True])
def test_what_lapsed_beside_it_leaves_its_order_swept_or_not(swept: bool) -> None:
    scenario = with_card(10_000)
    scenario.do("place_hold", "c1", "h2", amount=usd(2000), order=order(5000))
    held_and_late(scenario, swept=swept, order=order(5000))
    assert scenario.do("capture_hold", "c1", hold="h1").reason is None
    assert scenario.do("capture_hold", "c1", hold="h2", amount=usd(2001)).reason is not None
    assert scenario.do("capture_hold", "c1", hold="h2").reason is None
    assert scenario.do("redeem", "c1", amount=usd(1), order=order(5000)).reason == "limit_exceeded"
    assert scenario.rows["c1"].lapsed == []


def test_a_lapsed_hold_is_known_for_as_long_as_it_may_be_captured() -> None:
    scenario = held_and_late(with_card(10_000), swept=True, order=order())
    assert [one.taken for one in scenario.rows["c1"].lapsed] == [0]
    scenario.later(days=38)
    scenario.do("place_hold", "c1", "h2", amount=usd(1000), order=order())
    scenario.later(seconds=3600)
    scenario.sweep()
    assert [one.hold for one in scenario.rows["c1"].lapsed] == ["h2"]


def test_a_hold_of_which_too_much_lapsed_since_is_not_honoured() -> None:
    """An account remembers so many lapsed holds of orders with a total, the latest ones."""
    scenario = held_and_late(with_card(10_000), swept=True, order=order())
    for number in range(LAPSED_MAX):
        scenario.do("place_hold", "c1", f"g{number}", amount=usd(1), order=order())
        if number % 50 == 49:
            scenario.later(seconds=3600)
            scenario.sweep()
    assert len(scenario.rows["c1"].lapsed) == LAPSED_MAX
    assert scenario.do("capture_hold", "c1", hold="h1").reason == "hold_lapsed"
    assert scenario.do("capture_hold", "c1", hold="g0").reason is None


@pytest.mark.parametrize("swept", [False, True])
def test_a_late_capture_counts_on_the_day_it_comes_swept_or_not(swept: bool) -> None:
    scenario = network()
    sold(scenario, "c1", lot("L1", 20_000), per_day_max=4000)
    held_and_late(scenario, swept=swept)
    spent = [
        scenario.do("redeem", "c1", amount=usd(1000)).reason,
        scenario.do("capture_hold", "c1", hold="h1", amount=usd(2000), final=False).reason,
        scenario.do("redeem", "c1", amount=usd(500)).reason,
        scenario.do("capture_hold", "c1", hold="h1", amount=usd(501), final=False).reason,
        scenario.do("redeem", "c1", amount=usd(501)).reason,
    ]
    assert spent == [None, None, None, "limit_exceeded", "limit_exceeded"]
    scenario.later(days=1)
    assert scenario.do("redeem", "c1", amount=usd(3000)).reason is None
    assert scenario.do("capture_hold", "c1", hold="h1", amount=usd(1000)).reason is None
    assert scenario.rows["c1"].spent_minor == 4000


def test_an_exception_takes_nothing_of_a_day() -> None:
    scenario = network(gift=LATE)
    sold(scenario, "c1", lot("L1", 3000), per_day_max=3000)
    held_and_late(scenario, swept=True)
    scenario.do("redeem", "c1", amount=usd(3000))
    assert scenario.do("capture_hold", "c1", hold="h1").body.exception_minor == 3000
