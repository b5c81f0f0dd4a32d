"""What the README says works as pasted."""

import re
import shlex
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, scrip

README = (ROOT / "README.md").read_text()


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_first_story_tells_what_the_text_says(tmp_path: Path) -> None:
    (block,) = [one for one in blocks() if "<<'STORY'" in one]
    text = block.partition("<<'STORY'\n")[2].partition("STORY\n")[0]
    story = tmp_path / "first.yaml"
    story.write_text(text.replace("deploy/policy/", f"{ROOT}/deploy/policy/"))
    said = scrip("story", str(story))
    assert said.returncode == 0, said.stderr
    assert "12.00" in said.stdout
    assert block.rstrip().endswith(".venv/bin/scrip story first.yaml")


@pytest.mark.parametrize(
    "line", [line for block in blocks() for line in block.splitlines() if "/scrip " in line]
)
def test_every_command_that_is_shown_exists(line: str) -> None:
    words = [w for w in shlex.split(line, comments=True) if "=" not in w][1:]
    names = [word for word in words if word.islower() and "." not in word and word != "r1"]
    assert scrip(*names, "--help").returncode == 0


def test_the_number_of_records_is_that_of_the_day() -> None:
    lines = (ROOT / "deploy/demo/day.jsonl").read_bytes().count(b"\n")
    assert f"publishes {lines:,} records" in README
