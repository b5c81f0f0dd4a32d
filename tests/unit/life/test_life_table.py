"""The table of a card's life, row by row: from which state, by which event, to which, with what."""

import pytest

from tests.both import Cards
from tests.unit.life.table import TABLE_POLICY, done, said, standing, world
from tests.unit.redemption.network import F1, usd

LATER = "2026-12-01T00:00:00Z"


def test_nothing_prepared_becomes_prepared_if_unique_and_there_is_room() -> None:
    cards = Cards(TABLE_POLICY, "2026-05-01T14:00:00Z")
    cards.prepare("c", programme="few")
    assert standing(cards) == ("Prepared", 0)
    entry = {"card": "c", "last4": "1111"}
    batch = {"programme": "few", "batch": "b2"}
    assert said(cards, "prepare_cards", cards=[entry], **batch) == "already_prepared"
    more = [{"card": name, "last4": "1111"} for name in ("c2", "c3")]
    assert cards.do("prepare_cards", "c2", cards=more, **batch).reason == "template_full"


def test_prepared_sale_reserved_becomes_activating_if_programme_place_and_value_allow() -> None:
    cards = world(sold=None)
    wrong = {"tender": "cash", "place": {"location": "F9"}}
    assert said(cards, "reserve_sale", value=usd(1), **wrong) == "location_not_allowed"
    done(cards, "reserve_sale", id="s", value=usd(5000), tender="cash", place=F1)
    assert standing(cards) == ("Activating", 0)


def test_activating_sale_confirmed_becomes_activated_with_its_value() -> None:
    cards = world(sold=None)
    done(cards, "reserve_sale", id="s", value=usd(5000), tender="cash")
    done(cards, "confirm_sale", sale="s")
    assert standing(cards) == ("Activated", 5000)


@pytest.mark.parametrize("way", ["cancelled", "out of time"])
def test_activating_sale_cancelled_or_30_minutes_becomes_prepared(way: str) -> None:
    cards = world(sold=None)
    done(cards, "reserve_sale", id="s", value=usd(5000), tender="cash")
    if way == "cancelled":
        done(cards, "cancel_sale", sale="s")
    else:
        cards.later(seconds=30 * 60)
        assert cards.sweep() == ["lapse_sale"]
    assert standing(cards) == ("Prepared", 0)


@pytest.mark.parametrize("programme", ["gift", "once", "short"])
def test_activated_hold_placed_stays_activated_and_the_ledger_stays(programme: str) -> None:
    cards = world(programme)
    done(cards, "place_hold", id="h", amount=usd(5000), ttl_seconds=86_400)
    assert standing(cards) == ("Activated", 5000)
    nothing_left = "hold_already_open" if programme == "once" else "insufficient_funds"
    assert said(cards, "place_hold", amount=usd(1)) == nothing_left
    done(cards, "release_hold", hold="h")
    done(cards, "freeze_account", reason="x")
    assert said(cards, "place_hold", amount=usd(1)) == "account_frozen"
    done(cards, "unfreeze_account", reason="x")
    if programme == "short":
        cards.later(days=30)
        assert said(cards, "place_hold", amount=usd(1)) == "account_expired"


@pytest.mark.parametrize(("programme", "credit"), [("once", 3000), ("gone", 0)])
def test_activated_one_time_captured_becomes_redeemed_and_the_rest_follows_policy(
    programme: str, credit: int
) -> None:
    cards = world(programme)
    done(cards, "place_hold", id="h", amount=usd(2000))
    done(cards, "capture_hold", hold="h")
    assert standing(cards) == ("Redeemed", 0)
    assert cards.ledger("c+credit") == credit


def test_activated_reusable_captured_stays_activated_while_something_is_left_or_held() -> None:
    cards = world()
    done(cards, "place_hold", id="h1", amount=usd(2000))
    done(cards, "place_hold", id="h2", amount=usd(3000))
    done(cards, "capture_hold", hold="h1")
    assert standing(cards) == ("Activated", 3000)
    done(cards, "capture_hold", hold="h2", amount=usd(3000), final=False)
    assert standing(cards) == ("Activated", 0)
    done(cards, "release_hold", hold="h2")
    assert standing(cards) == ("Redeemed", 0)


@pytest.mark.parametrize("way", ["released", "lapsed"])
def test_activated_released_or_lapsed_stays_activated(way: str) -> None:
    cards = world()
    done(cards, "place_hold", id="h", amount=usd(2000))
    if way == "released":
        done(cards, "release_hold", hold="h")
    else:
        cards.later(seconds=600)
        assert cards.sweep() == ["lapse_hold"]
    assert standing(cards) == ("Activated", 5000)
    done(cards, "redeem", amount=usd(5000))


def test_activated_return_of_unused_reserved_becomes_refunding() -> None:
    cards = world()
    done(cards, "reserve_return", id="b")
    assert standing(cards) == ("Refunding", 5000)
    held, used, late = world(), world(), world()
    done(held, "place_hold", amount=usd(1))
    done(used, "redeem", amount=usd(1))
    late.later(days=30)
    assert said(held, "reserve_return") == said(used, "reserve_return") == "not_unused"
    assert said(late, "reserve_return") == "return_window_closed"


def test_refunding_return_confirmed_becomes_refunded() -> None:
    cards = world()
    done(cards, "reserve_return", id="b")
    done(cards, "confirm_return", **{"return": "b"})
    assert standing(cards) == ("Refunded", 0)


def test_refunding_return_confirmed_becomes_blank_and_prepared_with_a_new_secret_and_life() -> None:
    cards = world("stock")
    done(cards, "reserve_return", id="b")
    done(cards, "confirm_return", **{"return": "b"})
    assert standing(cards) == ("Blank", 0)
    assert said(cards, "sell_card", value=usd(1), tender="cash") == "not_prepared"
    done(cards, "rekeyed", last4="0002")
    assert standing(cards) == ("Prepared", 0)
    done(cards, "sell_card", value=usd(700), tender="cash")
    assert standing(cards) == ("Activated", 700)
    assert cards.live.rows["c"].life == 2


@pytest.mark.parametrize("way", ["cancelled", "out of time"])
def test_refunding_return_cancelled_or_out_of_time_becomes_activated(way: str) -> None:
    cards = world()
    done(cards, "reserve_return", id="b")
    if way == "cancelled":
        done(cards, "cancel_return", **{"return": "b"})
    else:
        cards.later(seconds=30 * 60)
        assert cards.sweep() == ["lapse_return"]
    assert standing(cards) == ("Activated", 5000)


@pytest.mark.parametrize(("programme", "spent"), [("gift", 5000), ("gift", 2000), ("once", 5000)])
def test_redeemed_or_activated_goods_refund_becomes_activated(programme: str, spent: int) -> None:
    cards = world(programme)
    done(cards, "redeem", id="k", amount=usd(spent))
    assert standing(cards) == ("Redeemed" if spent == 5000 else "Activated", 5000 - spent)
    too_much = said(cards, "refund_capture", capture="k", amount=usd(spent + 1))
    assert too_much == "amount_exceeds_capture"
    done(cards, "refund_capture", capture="k", amount=usd(spent))
    assert standing(cards) == ("Activated", 5000)
    done(cards, "redeem", amount=usd(5000))
    assert said(cards, "redeem", amount=usd(1)) == (
        "already_used" if programme == "once" else "insufficient_funds"
    )


@pytest.mark.parametrize("state", ["Expired", "Cancelled"])
def test_expired_or_cancelled_goods_refund_stays_and_the_value_is_store_credit(state: str) -> None:
    cards = world("short")
    done(cards, "redeem", id="k", amount=usd(5000 if state == "Cancelled" else 2000))
    if state == "Cancelled":
        done(cards, "cancel_account", reason="lost")
    else:
        cards.later(days=30)
        cards.sweep()
    done(cards, "refund_capture", capture="k", amount=usd(2000))
    assert standing(cards) == (state, 0)
    assert cards.ledger("c+credit") == 2000


def test_goods_refund_where_the_lot_expired_meanwhile_makes_a_new_lot_of_origin_refund() -> None:
    cards = world("short")
    done(cards, "redeem", id="k", amount=usd(2000))
    cards.later(days=20)
    done(cards, "load_value", amount=usd(100), origin="paid", tender="cash")
    cards.later(days=10)
    done(cards, "refund_capture", capture="k", amount=usd(1500))
    assert standing(cards) == ("Activated", 5000 - 2000 + 100 + 1500)
    cards.sweep()
    assert standing(cards) == ("Activated", 1600)
    lots = {lot.origin: lot for lot in cards.live.rows["c"].lots}
    assert lots["refund"].location == "HQ"
    assert lots["refund"].expires_at == cards.now + 30 * 86_400_000


def test_redeemed_reusable_load_becomes_activated() -> None:
    cards = world()
    done(cards, "redeem", amount=usd(5000))
    assert standing(cards) == ("Redeemed", 0)
    done(cards, "load_value", amount=usd(300), origin="paid", tender="cash")
    assert standing(cards) == ("Activated", 300)
