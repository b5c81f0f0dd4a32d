"""Every story comes out as it says beside it, with all invariants holding."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from services.stories.cli import story_of, told
from tests.stories.expectations import differences

HERE = Path(__file__).parent
STORIES = sorted(
    path
    for folder in (HERE, HERE / "refusals")
    for path in folder.glob("*.yaml")
    if not path.name.endswith(".expect.yaml")
)


def expectation(path: Path) -> Any:
    return yaml.safe_load(path.with_suffix(".expect.yaml").read_text())


@pytest.mark.parametrize("path", STORIES, ids=[path.stem for path in STORIES])
def test_a_story_comes_out_as_expected_and_every_invariant_holds(path: Path) -> None:
    found = told(story_of(path))
    assert [one for one in found["invariants"] if not one["holds"]] == []
    assert found["notes"] == expectation(path).pop("notes", [])
    assert list(differences(expectation(path), found)) == []
