"""Rows of a core as bytes: slots dataclasses in JSON, answers kept as they were sent."""

from functools import lru_cache
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from schemas.topics import Topic

ANSWER: Final = "answer"


def kind_of(key: str) -> str:
    """The kind in `subject/kind/id`; empty for the subject's own row."""
    parts = key.split("/", 2)
    return parts[1] if len(parts) > 1 else ""


@lru_cache(maxsize=64)
def _adapter(row: type) -> TypeAdapter[Any]:
    """Building one takes milliseconds, and a restarted worker needs the same ones."""
    return TypeAdapter(row)


class CoreRows:
    """The rows of one core; the subject's own row may live on a public topic."""

    def __init__(self, kinds: dict[str, type], memory: Topic, public: Topic | None) -> None:
        self._adapters: dict[str, TypeAdapter[Any]] = {
            kind: _adapter(row) for kind, row in kinds.items()
        }
        self._memory = memory
        self._public = public or memory

    def read(self, key: str, value: bytes) -> Any:
        """The row object; an answer stays bytes."""
        kind = kind_of(key)
        if kind == ANSWER:
            return value
        return self._adapters[kind].validate_json(value)

    def write(self, key: str, row: Any) -> bytes:
        """The row's bytes, and no more memory than they need: a store keeps them.

        What orjson gives back keeps the whole buffer it was written into, some 5 KB.
        """
        return row if isinstance(row, bytes) else bytes(memoryview(orjson.dumps(row)))

    def topic(self, key: str) -> Topic:
        """The state topic of the row."""
        return self._public if "/" not in key else self._memory
