"""Bugs that are planted on purpose: what each breaks, and in which scenes it can show."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from tests.simulation.scenes import DRAWN, scene_of
from tests.simulation.simulation import Outcome, simulate

Break = Callable[[pytest.MonkeyPatch], None]
ANY: Final = tuple(drawn[0] for drawn in DRAWN)
BOOKS: Final = ("books", "rows", "runs", "long")
ROWS: Final = ("rows", "runs", "long")
RUNS: Final = ("runs", "long")
# A plant that no longer fits the code it is planted in proves nothing.
UNPLANTED: Final = ("TypeError", "AttributeError", "NameError")


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug; only seeds that play one of `scenes` can show it."""

    name: str
    break_it: Break
    scenes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The seed that found a bug, and how many were played until then."""

    outcome: Outcome
    played: int


def planted(garden: list[Plant], *scenes: str) -> Callable[[Break], Break]:
    """Enter a bug in a garden."""

    def enter(break_it: Break) -> Break:
        garden.append(Plant(break_it.__name__, break_it, scenes or ANY))
        return break_it

    return enter


def sought(plant: Plant, seeds_max: int) -> Found | None:
    """Play the first seeds whose scene can show it, until one fails."""
    played, seed = 0, 0
    while played < seeds_max:
        if scene_of(seed).name in plant.scenes:
            played += 1
            outcome = simulate(seed)
            if outcome.violation is not None:
                assert not outcome.violation.startswith(UNPLANTED), outcome.violation
                return Found(outcome, played)
        seed += 1
    return None
