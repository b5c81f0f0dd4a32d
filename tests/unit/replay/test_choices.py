"""Which facts a replay is about, what cannot be chosen, and who may deal with replays."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from services.replay.applying import ReplayRefusedError, require_person
from services.replay.choice import Choice, ChoiceRefusedError, chosen
from services.runtime.outbox_table import operation
from services.stories.world import World
from tests.replayed import bad_deploy, planned, play, story


@pytest.fixture
def wrong() -> Iterator[World]:
    """A day that a bad deploy kept the books of; the mended version runs now."""
    opened = World(story().begins, "America/New_York")
    with bad_deploy():
        play(opened)
    yield opened
    opened.close()


def test_facts_are_chosen_by_account_type_time_and_partition(wrong: World) -> None:
    def adjusted(**choice: object) -> int:
        plan = planned(wrong.log, wrong.engine, Choice(**choice))  # type: ignore[arg-type]
        return int(plan.content["adjustments"]["facts"])

    third = 1_777_780_800_000  # 2026-05-03T04:00:00Z
    assert adjusted(accounts=("c1",)) == 2
    assert adjusted(accounts=("c2",)) == 0
    assert adjusted(types=("value_loaded",)) == 0
    assert adjusted(since=third) == 1
    assert adjusted(until=third) == 1
    assert sum(adjusted(partitions=(n,)) for n in range(wrong.partitions)) == 2


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Choice(types=("hold_captued",)), "no type 'hold_captued'; there are"),
        (Choice(partitions=(4,)), "no partition 4; there are 0 to 3"),
        (Choice(partitions=(-1,)), "no partition -1"),
        (Choice(since=5, until=5), "--since is not before --until"),
        (Choice(accounts=("c1", "nobody")), "no fact of nobody"),
    ],
)
def test_a_choice_of_what_cannot_be_there_is_refused_and_nothing_is_planned(
    wrong: World, choice: Choice, said: str
) -> None:
    with pytest.raises(ChoiceRefusedError, match=said):
        planned(wrong.log, wrong.engine, choice)
    with wrong.engine.connect() as connection:
        assert connection.execute(select(operation)).all() == []


def test_only_people_with_the_right_replay_deal_with_replays() -> None:
    document = story().document.model_copy(
        update={"people": {"ann": ["replay", "settle"], "eve": ["view"]}}
    )
    require_person(document, "ann")
    for person, said in (("eve", "right replay"), ("mallory", "not among")):
        with pytest.raises(ReplayRefusedError, match=said):
            require_person(document, person)
    require_person(story().document, "anybody")


def test_a_choice_is_read_back_from_its_plan_as_it_was_made() -> None:
    choice = Choice(since=1, partitions=(0, 3), accounts=("c1",), types=("redeem",))
    assert chosen(choice.as_json()) == choice
    assert chosen(Choice().as_json()) == Choice()
    assert not replace(choice, partitions=(1,)).reads(0)
