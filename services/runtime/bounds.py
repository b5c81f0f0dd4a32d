"""When a row may first be due or forgotten, read from its bytes: never later than in truth."""

import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final

from services.runtime.answers import answer_until
from services.runtime.rowcodec import ANSWER, kind_of
from services.runtime.staging import RowCodec

_NUMBER: Final = re.compile(rb"-?\d+")

Bound = Callable[[str, bytes], int | None]


def _numbers(value: bytes, tags: tuple[bytes, ...]) -> Iterator[int]:
    """The numbers after each tag; a tag holds its quotes, so no text of a row can look like it."""
    for tag in tags:
        start = value.find(tag)
        while start >= 0:
            start += len(tag)
            number = _NUMBER.match(value, start)
            if number is not None:
                yield int(number[0])
            start = value.find(tag, start)


def _tag(name: str) -> bytes:
    return f'"{name}":'.encode()


class Bounds:
    """Bounds of one core's rows; decoding each row instead would make a restore wait for it."""

    def __init__(self, core: ModuleType, codec: RowCodec) -> None:
        self._core = core
        self._codec = codec
        due: dict[str, tuple[str, ...]] = core.DUE_FROM
        forgotten: dict[str, tuple[str, int]] = core.FORGOTTEN_FROM
        self._due = {kind: tuple(map(_tag, names)) for kind, names in due.items()}
        self._forgotten = {kind: ((_tag(name),), ms) for kind, (name, ms) in forgotten.items()}

    def due(self, key: str, value: bytes) -> int | None:
        """No due of the row is earlier (ms UTC); None: it has none."""
        tags = self._due.get(kind_of(key))
        return None if tags is None else min(_numbers(value, tags), default=None)

    def forgotten(self, key: str, value: bytes) -> int | None:
        """The row is not forgotten earlier (ms UTC); None: never."""
        kind = kind_of(key)
        if kind == ANSWER:
            return answer_until(value)
        rule = self._forgotten.get(kind)
        if rule is None:
            return None
        first = min(_numbers(value, rule[0]), default=None)
        return None if first is None else first + rule[1]

    def exactly_due(self, key: str, value: bytes) -> tuple[Any, ...]:
        """The row's dues."""
        dues: tuple[Any, ...] = self._core.dues(key, self._codec.read(key, value))
        return dues

    def exactly_forgotten(self, key: str, value: bytes) -> int | None:
        """From when the row counts as absent (ms UTC)."""
        if kind_of(key) == ANSWER:
            return answer_until(value)
        until: int | None = self._core.forgotten_at(key, self._codec.read(key, value))
        return until
