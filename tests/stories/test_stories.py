"""Every story comes out as it says beside it, with all invariants holding, in memory and live."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from deploy.embedded.resolve import Infrastructure
from services.stories.cli import story_of
from services.stories.performing import told
from services.stories.performing_live import told_live
from services.verify.auditing import audit
from services.verify.examining import examine
from services.verify.verdicts import render
from tests.stories.expectations import differences
from tests.told import told_world

HERE = Path(__file__).parent
STORIES = sorted(
    path
    for folder in (HERE, *(HERE / name for name in ("finance", "refusals", "reports", "rules")))
    for path in folder.glob("*.yaml")
    if not path.name.endswith(".expect.yaml")
)
# What finance asks of odd combinations: every third, all of them in the long round.
FINANCE = [path for path in STORIES if path.parent.name == "finance"]
LATER = [] if os.environ.get("SCRIP_LONG") else [p for i, p in enumerate(FINANCE) if i % 3]
TOLD = [path for path in STORIES if path not in LATER]
SAMPLE = ("restart", "scenario-b", "return-r01", "garbage")
LIVE = [path for path in STORIES if os.environ.get("SCRIP_LONG") or path.stem in SAMPLE]


def expectation(path: Path) -> Any:
    return yaml.safe_load(path.with_suffix(".expect.yaml").read_text())


def without_offsets(found: dict[str, Any]) -> bytes:
    """The report as bytes; where dead letters stood on a real log depends on its markers."""
    letters = [{**letter, "offset": None} for letter in found["deadletters"]]
    return orjson.dumps({**found, "deadletters": letters})


@pytest.mark.parametrize("path", TOLD, ids=[path.stem for path in TOLD])
def test_a_story_comes_out_as_expected_and_every_invariant_holds(path: Path) -> None:
    found = told(story_of(path))
    wanted = expectation(path)
    wanted.pop("views", None)  # asked of PostgreSQL (tests/integration/test_reports.py)
    assert [one for one in found["invariants"] if not one["holds"]] == []
    wanted.setdefault("notes", [])
    assert list(differences(wanted, found)) == []


@pytest.mark.takes(12)
@pytest.mark.parametrize("path", LIVE, ids=[path.stem for path in LIVE])
def test_a_story_told_live_says_the_same(path: Path, infra: Infrastructure, namespace: str) -> None:
    story = story_of(path)
    assert without_offsets(told_live(story, infra, namespace)) == without_offsets(told(story))


@pytest.mark.skipif(not os.environ.get("SCRIP_LONG"), reason="every log looked at: make stories")
@pytest.mark.parametrize("path", STORIES, ids=[path.stem for path in STORIES])
def test_what_a_story_leaves_on_its_topics_passes_verify_and_audit(path: Path) -> None:
    with told_world(story_of(path)) as world:
        for found in (
            examine(world.log, world.engine, print, seconds_max=0.0),
            audit(world.log, world.engine),
        ):
            assert found.holds, render(found)


def test_dead_letters_are_told_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    at = "at: 2026-05-01T10:00:00-04:00"
    file = tmp_path / "flood.yaml"
    steps = "".join(f"  - {{{at}, do: garbage, bytes: '{n}'}}\n" for n in range(12))
    policy = (HERE / "policies" / "odd.yaml").as_posix()
    file.write_text(f"policy: {policy}\ncards: {{c1: gift}}\nstory:\n{steps}", encoding="utf-8")
    offsets = [letter["offset"] for letter in told(story_of(file))["deadletters"]]
    assert (len(offsets), offsets) == (12, sorted(offsets))


def test_a_story_told_twice_says_the_same() -> None:
    path = HERE / "scenario-b.yaml"
    assert orjson.dumps(told(story_of(path))) == orjson.dumps(told(story_of(path)))
