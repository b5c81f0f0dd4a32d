"""Every test that docs/guarantees.md names exists."""

import re

from tests.architecture.source import ROOT


def named_tests(text: str) -> set[str]:
    """The test functions and files a text names."""
    return set(re.findall(r"`(test_[a-z0-9_]+)`", text))


def defined_tests() -> set[str]:
    """Every test function there is."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))
    return found


def test_every_promise_names_a_test_that_exists() -> None:
    named = named_tests((ROOT / "docs" / "guarantees.md").read_text())
    assert named
    assert named - defined_tests() == set()


def test_a_promise_with_a_missing_test_would_be_found() -> None:
    assert named_tests("kept by `test_of_nothing_at_all`") - defined_tests()
