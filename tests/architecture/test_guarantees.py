"""Every promise of docs/guarantees.md names a test or a story, and all that it names exist."""

import re

from tests.architecture.source import ROOT

STORY = re.compile(r"the story `([a-z0-9/-]+)`")


def named_tests(text: str) -> set[str]:
    """The test functions and files a text names."""
    return set(re.findall(r"`(test_[a-z0-9_]+)`", text))


def defined_tests() -> set[str]:
    """Every test function there is."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))
    return found


def missing_stories(text: str) -> list[str]:
    """The stories a text names that are not there."""
    folder = ROOT / "tests" / "stories"
    return [name for name in STORY.findall(text) if not (folder / f"{name}.yaml").exists()]


def unproven(text: str) -> list[str]:
    """The promises in a text's tables that name neither a test nor a story."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not row.startswith("| promise |")]
    return [row for row in promises if not named_tests(row) and not STORY.search(row)]


def promised() -> str:
    return (ROOT / "docs" / "guarantees.md").read_text()


def test_every_promise_names_a_test_that_exists() -> None:
    assert named_tests(promised()) - defined_tests() == set()
    assert missing_stories(promised()) == []


def test_no_promise_stands_without_a_test_or_a_story() -> None:
    assert len(promised().splitlines()) > 100
    assert unproven(promised()) == []


def test_a_promise_with_a_missing_test_would_be_found() -> None:
    assert named_tests("kept by `test_of_nothing_at_all`") - defined_tests()
    assert missing_stories("shown by the story `rules/of-nothing`") == ["rules/of-nothing"]
    assert unproven("| promise | by |\n|---|---|\n| all is well | `scrip verify` |")
