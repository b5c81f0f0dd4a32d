"""A kill at every boundary that a short history passes: all invariants hold in each such world."""

import os
from collections import Counter

import pytest

from tests.simulation.everywhere import CARDS, WHOLE, everywhere
from tests.simulation.scenes import EVERYTHING, Scene

LONG = bool(os.environ.get("SCRIP_LONG"))
# Every pass of a world with all services is a minute or five of work; a test run takes a sample.
STEPS = {"cards": 1 if LONG else 5, "whole": 1 if LONG else 301}
ROLES_KILLED_MIN = {"cards": 2, "whole": 3}


@pytest.mark.parametrize("scene", [CARDS, WHOLE], ids=lambda scene: scene.name)
def test_a_kill_at_any_boundary_of_a_short_history_breaks_nothing(scene: Scene) -> None:
    places: Counter[tuple[str, str, str]] = Counter()
    for outcome in everywhere(scene, STEPS[scene.name]):
        assert outcome.violation is None, outcome.story
        places.update(outcome.places)
    killed = {role for role, _, _ in places}
    assert len(killed) >= (len(scene.roles) if LONG else ROLES_KILLED_MIN[scene.name])


def test_the_whole_history_has_every_service_and_pays() -> None:
    assert set(WHOLE.roles) == set(EVERYTHING)
