"""The golden examples: one folder per message type, each file a whole message."""

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from schemas.topics import TOPICS, Topic
from tests.architecture.source import ROOT

FOLDER = ROOT / "schemas" / "examples"


class Example(NamedTuple):
    """One golden example."""

    topic: Topic
    type: str
    path: Path

    @property
    def value(self) -> bytes:
        return self.path.read_bytes()

    @property
    def message(self) -> dict[str, Any]:
        read: dict[str, Any] = orjson.loads(self.value)
        return read


def examples(*topics: Topic) -> list[Example]:
    """The examples of these topics, or all, in a fixed order."""
    return [
        Example(topic, folder.name, path)
        for topic in topics or TOPICS
        for folder in sorted((FOLDER / topic.name).glob("*"))
        for path in sorted(folder.glob("*.json"))
    ]


def name(example: Example) -> str:
    """How a test names an example."""
    return f"{example.type}/{example.path.stem}"
