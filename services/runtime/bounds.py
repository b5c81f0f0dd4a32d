"""When a row may first be due or forgotten, read from its bytes: never later than in truth."""

import re
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from services.runtime.answers import answer_until
from services.runtime.rowcodec import ANSWER, kind_of
from services.runtime.staging import RowCodec

Numbers = Callable[[bytes], list[bytes]]


def _numbers(names: Sequence[str]) -> Numbers:
    """What stands after any of these names in a row's bytes, wherever it is not null.

    A name has its quotes, so no text in a row looks like one. The search is for what is rare, the
    tail of a name from its last underscore on, and looks back for the rest: half the time of
    looking for each name in turn.
    """
    tags = [f'"{name}":' for name in names]
    wanted = "|".join(tags)
    if len(names) > 1 and all("_" in name for name in names):
        tails = "|".join(sorted({name.rpartition("_")[2] for name in names}))
        wanted = f'_(?:{tails})":(?:' + "|".join(f"(?<={tag})" for tag in tags) + ")"
    return re.compile(rf"(?:{wanted})(?!null)([^,}}\]]*)".encode()).findall


def _first(found: list[bytes]) -> int | None:
    if len(found) == 1:
        return int(found[0])
    return min(map(int, found), default=None)


class Bounds:
    """Bounds of one core's rows; decoding each row instead would make a restore wait for it."""

    def __init__(self, core: ModuleType, codec: RowCodec) -> None:
        self._core = core
        self._codec = codec
        due: dict[str, tuple[str, ...]] = core.DUE_FROM
        forgotten: dict[str, tuple[str, int]] = core.FORGOTTEN_FROM
        self._due = {kind: _numbers(names) for kind, names in due.items()}
        # Only where a subject's own row is never forgotten does its first due say everything.
        first_due: Callable[[Any], int | None] | None = getattr(core, "first_due", None)
        self._first_due = None if "" in forgotten else first_due
        self._forgotten = {kind: (_numbers([name]), ms) for kind, (name, ms) in forgotten.items()}

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
        numbers = self._due.get(kind)
        due = None if numbers is None else _first(numbers(value))
        rule = self._forgotten.get(kind)
        if rule is None:
            return due, None
        first = _first(rule[0](value))
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
