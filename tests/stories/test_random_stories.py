"""Whatever happens, in whatever order: every invariant holds, and restarts change nothing."""

import os
from random import Random

import pytest

from services.stories.performing import told
from services.stories.reading import read_story
from tests.stories.random_story import Author

SEEDS = range(300 if os.environ.get("SCRIP_LONG") else 12)
LEFT_BEHIND = (
    *("accounts", "journals", "trial_balance", "items", "runs", "files", "invariants"),
    "exceptions",
)


def nothing_beside(name: str) -> str:
    raise FileNotFoundError(2, "No such file", name)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_invariant_holds_after_a_story_told_by_chance(seed: int) -> None:
    text = Author(Random(seed)).story()
    found = told(read_story(f"seed {seed}", text, nothing_beside))
    assert [one for one in found["invariants"] if not one["holds"]] == []


def test_restarting_before_every_step_changes_nothing() -> None:
    text = Author(Random(1)).story()
    head, _, steps = text.partition("story:\n")
    with_restarts = "".join(
        f"{line}  do: restart\n{line}" if line.startswith("- at: ") else line
        for line in steps.splitlines(keepends=True)
    )
    whole = told(read_story("whole", text, nothing_beside))
    again = told(read_story("again", f"{head}story:\n{with_restarts}", nothing_beside))
    for part in LEFT_BEHIND:
        assert again[part] == whole[part], part
