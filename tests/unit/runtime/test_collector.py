"""Python's collector stays away from rows, and finds what only holds itself when nobody waits."""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from schemas.instants import DAY
from schemas.topics import REDEMPTION_EVENTS
from services.runtime.collector import (
    BUSY_SECONDS,
    IDLE_SECONDS,
    NEW_OBJECTS,
    Collector,
    leave_rows_alone,
)
from tests.small_world import SmallWorld, money, prepared


class Knot:
    """An object that only it holds."""

    def __init__(self) -> None:
        self.itself = self


class Row:
    """An object that is in use for a while."""


@pytest.fixture(autouse=True)
def settings_of_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*before)


def old_knot() -> "weakref.ref[Knot]":
    """One that has outlived a look at the new objects."""
    knot = Knot()
    gc.collect(0)
    return weakref.ref(knot)


def test_what_only_holds_itself_goes_when_a_round_found_nothing_to_do() -> None:
    seconds = iter([0.0, IDLE_SECONDS, IDLE_SECONDS + 1])
    collector = Collector(lambda: next(seconds))
    leave_rows_alone()
    knot = old_knot()
    collector.after_round(busy=False)  # a minute has not passed yet
    assert knot() is not None
    collector.after_round(busy=False)
    assert knot() is None


def test_a_loop_that_always_has_something_to_do_is_looked_at_once_an_hour() -> None:
    seconds = iter([0.0, BUSY_SECONDS, BUSY_SECONDS + 1])
    collector = Collector(lambda: next(seconds))
    leave_rows_alone()
    knot = old_knot()
    collector.after_round(busy=True)
    assert knot() is not None
    collector.after_round(busy=True)
    assert knot() is None


def test_what_was_there_at_one_look_costs_nothing_at_the_next() -> None:
    seconds = iter([0.0, IDLE_SECONDS + 1])
    collector = Collector(lambda: next(seconds))
    leave_rows_alone()
    kept = [Row() for _ in range(1_000)]
    first, frozen = weakref.ref(kept[0]), gc.get_freeze_count()
    collector.after_round(busy=False)
    assert gc.get_freeze_count() >= frozen + len(kept)
    kept.clear()
    assert first() is None, "what nobody refers to goes all the same"


def test_objects_that_live_on_are_looked_at_no_more_while_others_come() -> None:
    leave_rows_alone()
    looked: list[int] = []

    def look(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            looked.append(info["generation"])

    gc.callbacks.append(look)
    try:
        kept = [[number] for number in range(NEW_OBJECTS * 300)]
    finally:
        gc.callbacks.remove(look)
    assert len(kept) == NEW_OBJECTS * 300
    assert len(looked) >= 100, "new objects are looked at"
    if sys.version_info < (3, 14):
        assert set(looked) == {0}


def test_deciding_leaves_nothing_behind_that_only_the_collector_would_find() -> None:
    world = SmallWorld()
    world.publish_policy()
    world.start()
    cards = [f"c{number}" for number in range(200)]
    place = {"location": "F1"}
    prepared(world, *cards)
    for card in cards:
        world.send("sell_card", card, f"s-{card}", value=money(2_500), tender="cash", place=place)
    world.send("redeem", cards[0], "the-first-unreadable", amount="much")  # makes a schema, once
    world.settle()
    for card in cards:
        world.send("redeem", card, f"r-{card}", amount=money(100), place=place)
        world.send("redeem", card, f"refused-{card}", amount=money(9_999), place=place)
        world.send("redeem", card, f"unreadable-{card}", amount="much")
        world.send("place_hold", card, f"h-{card}", amount=money(100), place=place)
    gc.collect()
    gc.disable()
    world.settle()
    world.clock.move(world.clock.now() + 400 * DAY)
    world.settle()
    assert len(world.read(REDEMPTION_EVENTS)) >= 5 * len(cards), "sold, redeemed, held, lapsed"
    assert gc.collect() < len(cards) / 10
