"""The Java app that the benchmark races against writes what the core writes: seen without Java."""

import dataclasses
import re
from pathlib import Path

import pytest

from schemas import redemption_facts, value
from services.redemption import rows
from tests.benchmarks import hot_path
from tests.benchmarks.contenders import STREAMS

SOURCES = STREAMS / "src" / "main" / "java" / "scrip" / "streams"
_CLASS = re.compile(r"public static (?:final )?class (\w+)(?: extends (\w+))? \{")
_FIELD = re.compile(r'(?:@JsonProperty\("(\w+)"\)\s+)?public [\w<>]+ (\w+)(?: = [^;]+)?;')
# What the core wrote when the Java app was last seen to write the same.
WRITTEN = "0d14b90f8bd7443ec5f529bd4161eed08509242d9094a21337a789639d7eb8b2"


def written_in(path: Path) -> dict[str, list[str]]:
    """The classes of a Java file, each with its fields by the names they have in JSON, in order."""
    text = path.read_text()
    found: dict[str, list[str]] = {}
    classes = list(_CLASS.finditer(text))
    ends = [one.start() for one in classes[1:]] + [len(text)]
    for one, end in zip(classes, ends, strict=True):
        own = [said or name for said, name in _FIELD.findall(text, one.end(), end)]
        found[one[1]] = found.get(one[2] or "", []) + own
    return found


JAVA = {**written_in(SOURCES / "Values.java"), **written_in(SOURCES / "Facts.java")}


@pytest.mark.parametrize("name", sorted(JAVA))
def test_the_java_app_writes_the_fields_of_our_facts_and_rows_in_their_order(name: str) -> None:
    (ours,) = {
        getattr(module, name) for module in (redemption_facts, value, rows) if hasattr(module, name)
    }
    assert JAVA[name] == [one.name for one in dataclasses.fields(ours)]


def test_the_core_writes_what_the_java_app_was_last_seen_to_write() -> None:
    """Where this fails, the Java app has to follow, and then a race to find both equal.

    `make bench COMMANDS=8000 BENCH='--only race'`; what the core writes now is taken here after it.
    """
    assert hot_path.outputs_hash(50, 1_000) == WRITTEN
