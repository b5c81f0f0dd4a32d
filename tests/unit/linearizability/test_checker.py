"""The checker finds what is wrong and accuses nobody: against plain trying, and porcupine."""

import random
from collections.abc import Callable
from itertools import permutations

import pytest

from tests.linearizability.account import Account, History, Operation, Outcome, step
from tests.linearizability.checker import check
from tests.linearizability.histories import WRONG, overlapping, with_a_double_spend
from tests.linearizability.second_opinion import NoGoError, build, violated


def holds(history: History) -> bool:
    """By our own checker, all accounts."""
    return all(verdict.holds for verdict in check(history))


def by_trying(history: History) -> bool:
    """Every order of every choice of unanswered operations: slow, and beyond doubt."""
    (account, opening), operations = *history.opening.items(), history.operations
    answered = [one for one in operations if one.outcome is not None]
    open_ones = [one for one in operations if one.outcome is None]
    for chosen in range(2 ** len(open_ones)):
        some = [one for bit, one in enumerate(open_ones) if chosen >> bit & 1]
        if any(_fits(opening, order) for order in permutations([*answered, *some])):
            return True
    assert account
    return False


def _fits(opening: int, order: tuple[Operation, ...]) -> bool:
    state = Account(opening)
    for place, one in enumerate(order):
        late = [x for x in order[place + 1 :] if x.returned is not None]
        if any(x.returned < one.called for x in late if x.returned is not None):
            return False
        fits, state = step(state, one)
        if not fits:
            return False
    return True


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(wrong.__name__))
def test_a_planted_wrong_history_is_found(wrong: Callable[[], History]) -> None:
    assert not holds(wrong())


@pytest.mark.parametrize("seed", range(30))
def test_a_right_history_with_unknown_outcomes_is_accepted(seed: int) -> None:
    assert holds(overlapping(random.Random(seed), "card", 60, 120))


@pytest.mark.parametrize("seed", range(10))
def test_a_double_spend_at_the_end_of_a_right_history_is_found(seed: int) -> None:
    chance = random.Random(seed)
    assert not holds(with_a_double_spend(chance, overlapping(chance, "card", 40, 120)))


def test_the_search_agrees_with_trying_every_order() -> None:
    chance = random.Random(5)
    right = wrong = 0
    for _ in range(150):
        history = overlapping(chance, "card", 5, 60)
        if chance.random() < 0.6:
            history.operations = [_changed(chance, one) for one in history.operations]
        truth = by_trying(history)
        assert holds(history) == truth, history
        right, wrong = right + truth, wrong + (not truth)
    assert right > 20
    assert wrong > 20


def _changed(chance: random.Random, one: Operation) -> Operation:
    if one.outcome is None or chance.random() < 0.6:
        return one
    said = Outcome(not one.outcome.accepted)
    return Operation(
        one.account, one.id, one.kind, one.called, one.minor, one.of, one.returned, said
    )


def test_porcupine_finds_the_same_wrong_histories_and_accepts_the_same_right_ones(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    try:
        program = build(tmp_path_factory.mktemp("porcupine"))
    except NoGoError as missing:
        pytest.skip(f"PORCUPINE LEFT OUT: {missing}; the checker in Python has judged alone")
    for wrong in WRONG:
        assert violated(program, wrong()) == ["card"], wrong.__name__
    chance = random.Random(3)
    for _ in range(20):
        history = overlapping(chance, "card", 50, 120)
        if chance.random() < 0.5:
            history.operations = [_changed(chance, one) for one in history.operations]
        assert (violated(program, history) == []) == holds(history)
