"""The traps that the small model was made to find: without its rule each is walked into."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.property import life_model as model
from tests.property.life_model import AMOUNTS, Rules, State, Step
from tests.property.life_moves import moves
from tests.property.test_life_model import check

STEPS_MAX = 6
Change = Callable[[State, Rules, Step], Step]


def first_trap(rules: Rules, name: str, change: Change | None) -> list[str] | None:
    """The shortest way into a state that may not be, with the moves of that name changed so."""
    start = State()
    paths: dict[State, list[str]] = {start: []}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if not sound(state, rules):
            return paths[state]
        for move in moves() if len(paths[state]) < STEPS_MAX else ():
            if not move.allowed(state):
                continue
            step = move.make(state, rules)
            if change is not None and move.name.startswith(name):
                step = change(state, rules, step)
            if step[1] not in paths:
                paths[step[1]] = [*paths[state], move.name]
                queue.append(step[1])
    return None


def sound(state: State, rules: Rules) -> bool:
    """What is true of every state; and a one-time card that was spent is not Activated still."""
    try:
        check(state)
    except AssertionError:
        return False
    untouched = {("h1None", 1), ("h2None", 2)} & set(state.captures)
    spent = rules.one_time and bool(untouched) and not model.open_holds(state)
    return not (spent and state.life == "Activated")


def second_hold(state: State, _rules: Rules, step: Step) -> Step:
    """A one-time card takes a hold beside another."""
    if step[0] != "hold_already_open" or "h2" in dict(state.holds):
        return step
    return None, replace(state, holds=model.put(state.holds, "h2", ("open", AMOUNTS["h2"])))


def back_onto_the_card(state: State, _rules: Rules, step: Step) -> Step:
    """A refund goes to the card, whatever became of it."""
    if step[0] is None and state.life in ("Expired", "Cancelled"):
        return None, replace(step[1], value=state.value + 1, credit=state.credit)
    return step


def taken_whatever_is_there(state: State, _rules: Rules, step: Step) -> Step:
    """A late capture is honoured without looking."""
    if step[0] != "hold_lapsed":
        return step
    how, left = dict(state.holds)["h2"]
    assert how == "lapsed"
    holds = model.put(state.holds, "h2", ("captured", 0))
    return None, replace(state, value=state.value - left, holds=holds, used=True)


@pytest.mark.parametrize("one_time", [False, True])
def test_with_its_rules_the_model_walks_into_no_trap(one_time: bool) -> None:
    assert first_trap(Rules(one_time=one_time), "", None) is None


def test_two_holds_on_a_one_time_card_leave_it_spent_but_activated() -> None:
    path = first_trap(Rules(one_time=True), "place h2", second_hold)
    assert path is not None
    assert {"place h1", "place h2"} <= set(path)


def test_a_goods_refund_onto_an_expired_card_strands_value() -> None:
    path = first_trap(Rules(), "refund", back_onto_the_card)
    assert path is not None
    assert path[-1].startswith("refund")


def test_a_capture_after_the_automatic_release_needs_a_policy() -> None:
    path = first_trap(Rules(), "capture h2", taken_whatever_is_there)
    assert path is not None
    assert "capture h2" in path
