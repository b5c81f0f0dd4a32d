"""A failing seed is told as a short story that can be played again."""

import pytest

from services.redemption import refunds
from services.stories.reading import read_story
from services.stories.steps import Step
from tests.simulation.planted_in_cores import a_refund_is_not_remembered
from tests.simulation.scenes import scene_of
from tests.simulation.shrinking import shortest, story_of, told
from tests.simulation.simulation import coming_of, simulate

SEEDS_MAX = 200


def test_a_bug_of_a_core_is_told_by_the_few_commands_that_show_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert refunds.capture_refunded is not None
    a_refund_is_not_remembered(monkeypatch)
    small = [seed for seed in range(SEEDS_MAX) if scene_of(seed).name == "cards"]
    seed = next(s for s in small if simulate(s).violation is not None)
    cut, outcome = shortest(seed)
    assert outcome.violation is not None
    assert cut.deliveries is not None
    assert len(cut.deliveries) < len(coming_of(seed, outcome.scene))
    text = told(seed, cut, outcome)
    assert f"make simulate SEED={seed}" in text
    assert simulate(seed, cut=cut).violation == outcome.violation


def test_what_arrives_can_be_read_as_a_story() -> None:
    for seed in range(12):
        coming = coming_of(seed, simulate(seed).scene)
        steps: tuple[Step, ...] = read_story("seed.yaml", story_of(coming), lambda name: name).steps
        assert steps
