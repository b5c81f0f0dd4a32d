"""The rows of the table of a card's life that time and people bring about."""

import pytest

from tests.unit.life.table import done, said, standing, world
from tests.unit.redemption.network import usd

LATER = "2026-12-01T00:00:00Z"


def test_activated_lots_expire_and_it_becomes_expired_when_nothing_live_is_left() -> None:
    cards = world("short")
    done(cards, "load_value", amount=usd(100), origin="paid", tender="cash", expires_at=LATER)
    done(cards, "place_hold", id="h", amount=usd(1000), ttl_seconds=30 * 86_400)
    cards.later(days=30, seconds=-1)
    cards.sweep()
    assert standing(cards) == ("Activated", 5100)
    cards.later(seconds=1)
    cards.sweep()
    assert cards.ledger("c") in (100, 1100)
    cards.later(days=365)
    cards.sweep()
    assert standing(cards) == ("Expired", 0)


def test_expired_validity_extended_by_two_people_becomes_activated() -> None:
    cards = world("short")
    cards.later(days=30)
    cards.sweep()
    assert standing(cards) == ("Expired", 0)
    extension = {"expires_at": LATER, "reason": "kind", "approved_by": "eve"}
    alone = {"place": {"location": "F1", "staff": "eve"}}
    assert said(cards, "extend_validity", **extension, **alone) == "approval_required"
    done(cards, "extend_validity", **extension)
    assert standing(cards) == ("Activated", 5000)


def test_expired_validity_extended_after_escheat_brings_nothing_back() -> None:
    cards = world("short")
    lots = [lot.lot for lot in cards.live.rows["c"].lots]
    cards.later(days=30)
    cards.sweep()
    done(cards, "escheat_lots", lots=lots, operation="e1")
    done(cards, "extend_validity", expires_at=LATER, reason="kind", approved_by="eve")
    assert standing(cards) == ("Expired", 0)


def test_prepared_cancelled_by_hand_becomes_cancelled_and_restored_prepared() -> None:
    cards = world(sold=None)
    done(cards, "cancel_card", reason="bent")
    assert standing(cards) == ("Cancelled", 0)
    done(cards, "restore_card", reason="found")
    assert standing(cards) == ("Prepared", 0)


@pytest.mark.parametrize("state", ["Redeemed", "Expired"])
def test_redeemed_or_expired_cancelled_by_hand_becomes_cancelled(state: str) -> None:
    cards = world("short")
    assert said(cards, "cancel_account", reason="lost") == "balance_not_zero"
    if state == "Redeemed":
        done(cards, "redeem", amount=usd(5000))
    else:
        cards.later(days=30)
        cards.sweep()
    assert cards.state("c") == state
    done(cards, "cancel_account", reason="lost")
    assert standing(cards) == ("Cancelled", 0)


def test_activated_replaced_becomes_cancelled_and_its_holds_move() -> None:
    cards = world()
    cards.prepare("n")
    cards.do("sell_card", "n", value=usd(0), tender="replacement")
    done(cards, "place_hold", id="h", amount=usd(2000))
    done(cards, "freeze_account", reason="lost")
    done(cards, "transfer_balance", to="n", reason="replacement")
    assert standing(cards) == ("Cancelled", 0)
    assert cards.do("capture_hold", "n", hold="h").reason is None
    assert cards.ledger("n") == 3000


@pytest.mark.parametrize("state", ["Activated", "Refunding", "Redeemed", "Expired"])
def test_any_live_card_frozen_and_unfrozen_keeps_its_state(state: str) -> None:
    cards = world("short")
    if state == "Refunding":
        done(cards, "reserve_return", id="b")
    elif state == "Redeemed":
        done(cards, "redeem", amount=usd(5000))
    elif state == "Expired":
        cards.later(days=30)
        cards.sweep()
    before = standing(cards)
    assert before[0] == state
    for type, frozen in (("freeze_account", True), ("unfreeze_account", False)):
        done(cards, type, reason="stolen")
        assert standing(cards) == before
        assert cards.live.rows["c"].frozen is frozen
