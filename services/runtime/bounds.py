"""When a row may first be due or forgotten, read from its bytes: never later than in truth."""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from services.runtime.answers import answer_until
from services.runtime.rowcodec import ANSWER, kind_of
from services.runtime.staging import RowCodec

_number: Final = re.compile(rb"-?\d+").match
_NULL: Final = ord("n")
_ENDS: Final = (b",", b"}", b"]")
DIGITS: Final = 13


def _first(value: bytes, tags: tuple[bytes, ...]) -> int | None:
    """The least number after any tag; a tag has its quotes, so no text in a row looks like it.

    Instants from 2001 to 2286 have 13 digits and are in order as text, too: comparing them so
    takes a third of reading each as a number.
    """
    first = b""
    find = value.find
    for tag in tags:
        start = find(tag)
        while start >= 0:
            start += len(tag)
            end = start + DIGITS
            at = value[start:end]
            if at.isdigit() and value[end : end + 1] in _ENDS:
                if not first or at < first:
                    first = at
            elif value[start] != _NULL:
                return _first_of_any_length(value, tags)
            start = find(tag, start)
    return int(first) if first else None


def _first_of_any_length(value: bytes, tags: tuple[bytes, ...]) -> int | None:
    found = []
    for tag in tags:
        start = value.find(tag)
        while start >= 0:
            start += len(tag)
            if value[start] != _NULL:
                number = _number(value, start)
                assert number is not None, tag
                found.append(int(number[0]))
            start = value.find(tag, start)
    return min(found, default=None)


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
        # Only where a subject's own row is never forgotten does its first due say everything.
        first_due: Callable[[Any], int | None] | None = getattr(core, "first_due", None)
        self._first_due = None if "" in forgotten else first_due
        self._forgotten = {kind: ((_tag(name),), ms) for kind, (name, ms) in forgotten.items()}

    def of(self, key: str, value: bytes, row: Any | None = None) -> tuple[int | None, int | None]:
        """The row is neither due nor forgotten earlier than this (ms UTC); None: never is.

        `row` is what the value was written from, where that is at hand.
        """
        if "/" not in key:
            if row is not None and self._first_due is not None:
                return self._first_due(row), None
            kind = ""
        else:
            kind = kind_of(key)
        if kind == ANSWER:
            return None, answer_until(value)
        tags = self._due.get(kind)
        due = None if tags is None else _first(value, tags)
        rule = self._forgotten.get(kind)
        if rule is None:
            return due, None
        first = _first(value, rule[0])
        return due, None if first is None else first + rule[1]

    def read(self, key: str, value: bytes) -> Any:
        """The row object."""
        return self._codec.read(key, value)

    def exactly_due(self, key: str, row: Any) -> tuple[Any, ...]:
        """The row's dues."""
        dues: tuple[Any, ...] = self._core.dues(key, row)
        return dues

    def exactly_forgotten(self, key: str, value: bytes) -> int | None:
        """From when the row counts as absent (ms UTC)."""
        if kind_of(key) == ANSWER:
            return answer_until(value)
        until: int | None = self._core.forgotten_at(key, self._codec.read(key, value))
        return until
