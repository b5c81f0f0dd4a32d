"""Return rates: what of our debits comes back, against what an originator is allowed."""

from pathlib import Path

import pytest

from schemas.instants import DAY
from services.settlement.return_rates import rates
from services.settlement.views import list_return_rates
from services.stories.cli import story_of
from tests.told import told_world


def states(sent: int, **returned: int) -> list[str]:
    return [rate.state for rate in rates(sent, returned)]


def test_each_code_counts_for_its_kind_and_all_of_them_overall() -> None:
    found = rates(1_000, {"R10": 1, "R03": 2, "R01": 4})
    assert [(r.kind, r.returned, r.rate_bp, r.limit_bp) for r in found] == [
        ("unauthorised", 1, 10, 50),
        ("administrative", 2, 20, 300),
        ("overall", 7, 70, 1_500),
    ]


@pytest.mark.parametrize(
    ("returned", "state"), [(3, "fine"), (4, "warning"), (5, "warning"), (6, "exceeded")]
)
def test_somebody_is_warned_at_four_fifths_of_a_limit_and_told_above_it(
    returned: int, state: str
) -> None:
    assert states(1_000, R29=returned)[0] == state


def test_a_limit_is_exceeded_by_the_count_and_not_by_what_it_rounds_to() -> None:
    assert states(199, R10=1)[0] == "exceeded"
    assert states(200, R10=1)[0] == "warning"


def test_nothing_sent_is_nothing_returned() -> None:
    assert states(0) == ["fine", "fine", "fine"]


def test_the_rates_of_a_network_are_those_of_its_entries() -> None:
    path = Path(__file__).parents[2] / "stories" / "finance" / "returned-thrice.yaml"
    story = story_of(path)
    with told_world(story) as world, world.engine.connect() as connection:
        found = list_return_rates(connection, story.steps[-1].at)
        later = list_return_rates(connection, story.steps[-1].at + 90 * DAY)
    assert [(r.kind, r.sent, r.returned, r.state) for r in found] == [
        ("unauthorised", 3, 0, "fine"),
        ("administrative", 3, 0, "fine"),
        ("overall", 3, 3, "exceeded"),
    ]
    assert {(r.sent, r.state) for r in later} == {(0, "fine")}
