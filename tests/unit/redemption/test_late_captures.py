"""Late captures beside other holds that are past their end, swept or not."""

import pytest

from tests.scenario import Scenario
from tests.unit.redemption.network import lot, sold, standing, usd, with_card

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
