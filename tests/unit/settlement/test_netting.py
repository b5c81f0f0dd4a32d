"""What a run claims, moves, carries and holds."""

import pytest

from services.settlement.netting import Held, Payable, Standing, net
from tests.unit.settlement.samples import CYCLE, items, terms


def test_four_debts_of_three_locations_become_three_positions() -> None:
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    assert netting.positions == {"A": -1450, "B": -1800, "C": 3250}
    assert netting.claimed == ("i1", "i2", "i3", "i4")
    assert netting.carried == {}
    assert netting.parent_minor == 0


def test_a_circle_of_equals_moves_nothing_and_keeps_its_locations_for_their_statements() -> None:
    netting = net(
        items(("A", "B", 900), ("B", "C", 900), ("C", "A", 900)), {}, terms("A", "B", "C")
    )
    assert netting.positions == {"A": 0, "B": 0, "C": 0}
    assert netting.carried == {}
    assert len(netting.claimed) == 3


def test_below_the_minimum_the_amount_is_carried_and_the_parent_balances() -> None:
    netting = net(items(("A", "B", 50), ("C", "B", 70)), {}, terms("A", "B", "C"))
    assert netting.positions == {"A": 0, "B": 120, "C": 0}
    assert netting.carried == {"A": -50, "C": -70}
    assert netting.parent_minor == -120


def test_what_was_carried_moves_once_it_reaches_the_minimum() -> None:
    netting = net(items(("A", "B", 50)), {"A": -50, "C": -70}, terms("A", "B", "C"))
    assert netting.positions == {"A": -100, "B": 0, "C": 0}
    assert netting.carried == {"B": 50, "C": -70}
    assert netting.parent_minor == 100


def test_the_minimum_itself_moves() -> None:
    assert net(items(("A", "B", 100)), {}, terms("A", "B")).positions == {"A": -100, "B": 100}
    assert net(items(("A", "B", 99)), {}, terms("A", "B")).positions == {"A": 0, "B": 0}


def test_without_a_minimum_a_single_cent_moves() -> None:
    netting = net(items(("A", "B", 1)), {}, terms("A", "B", minimum_minor=0))
    assert netting.positions == {"A": -1, "B": 1}


@pytest.mark.parametrize("reason", [s for s in Standing if s is not Standing.ABLE])
def test_an_item_is_held_on_both_sides_when_either_location_cannot_settle(reason: Standing) -> None:
    netting = net(CYCLE, {}, terms("A", "C", B=reason))
    assert netting.held == (Held("i1", "B", reason), Held("i2", "B", reason))
    assert netting.claimed == ("i3", "i4")
    assert netting.positions == {"A": -250, "C": 250}


def test_a_barred_item_is_held_whatever_the_accounts_also_of_a_location_to_itself() -> None:
    why = ("A", Standing.OTHER_ENTITY)
    barred = [Payable("b1", "A", "B", 500, why), Payable("b2", "A", "A", 700, why)]
    netting = net([*CYCLE, *barred], {}, terms("A", "B", "C"))
    assert netting.held == (Held("b1", *why), Held("b2", *why))
    assert netting.positions == net(CYCLE, {}, terms("A", "B", "C")).positions


def test_a_location_nobody_named_has_no_bank_account() -> None:
    netting = net(items(("A", "B", 500)), {}, terms("A"))
    assert netting.held == (Held("i1", "B", Standing.NO_BANK_ACCOUNT),)
    assert netting.positions == {}


def test_what_a_location_has_waiting_stays_when_it_cannot_settle_any_more() -> None:
    netting = net([], {"A": -5000, "B": 40}, terms("B", A=Standing.FROZEN))
    assert netting.positions == {"A": 0, "B": 0}
    assert netting.carried == {"A": -5000, "B": 40}
    assert netting.parent_minor == 0


def test_a_refund_item_turns_its_pair_round() -> None:
    netting = net(items(("A", "B", 700), ("A", "B", -1000)), {}, terms("A", "B"))
    assert netting.positions == {"A": 300, "B": -300}


def test_the_parents_own_position_moves_in_full_and_is_never_carried() -> None:
    netting = net(items(("A", "HQ", 40), ("HQ", "B", 15)), {}, terms("A", "B"))
    assert netting.positions == {"A": 0, "B": 0, "HQ": 25}
    assert netting.carried == {"A": -40, "B": 15}
    assert netting.parent_minor == 0


def test_the_parents_account_gets_its_position_as_the_other_side_of_all_others() -> None:
    netting = net(items(("A", "HQ", 4000), ("HQ", "B", 1500)), {}, terms("A", "B"))
    assert netting.positions == {"A": -4000, "B": 1500, "HQ": 2500}
    assert netting.parent_minor == 2500


def test_when_the_parents_account_is_blocked_nothing_moves_at_all() -> None:
    netting = net(CYCLE, {"A": -9000}, terms("A", "B", "C", HQ=Standing.FROZEN))
    assert netting.held == tuple(Held(row.item, "HQ", Standing.FROZEN) for row in CYCLE)
    assert netting.positions == {"A": 0}
    assert netting.carried == {"A": -9000}


@pytest.mark.parametrize(
    ("given", "carried", "complaint"),
    [
        ([Payable("i1", "A", "B", 1), Payable("i1", "A", "B", 1)], {}, "given twice"),
        ([Payable("i1", "A", "A", 1)], {}, "to itself"),
        ([], {"HQ": 5}, "carries nothing"),
    ],
)
def test_input_that_would_break_the_sums_is_refused(
    given: list[Payable], carried: dict[str, int], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        net(given, carried, terms("A", "B"))


def test_a_negative_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        net([], {}, terms("A", minimum_minor=-1))
