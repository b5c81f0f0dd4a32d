"""What falls due on one partition, and what may be forgotten: heaps over its own rows."""

import heapq
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final

import orjson

from schemas.decision import Due
from schemas.identifiers import derived
from services.runtime.answers import answer_until
from services.runtime.rowcodec import ANSWER, kind_of

RESEND_AFTER: Final = 1_000
FORGET_MAX: Final = 200


def due_id(due: Due) -> str:
    """The command id of something due: the same due has the same id, so twice is once."""
    body = orjson.dumps(due.body, option=orjson.OPT_SORT_KEYS).decode()
    return derived(due.type, due.subject, body, str(due.at))


class Agenda:
    """Dues and forgettings of the rows as committed; rebuilt on restore, never persisted.

    A heap entry counts only as long as its row still says so.
    """

    def __init__(self, core: ModuleType) -> None:
        self._core = core
        self._dues: dict[str, tuple[Due, ...]] = {}
        self._due_heap: list[tuple[int, str, int]] = []
        self._forget_at: dict[str, int] = {}
        self._forget_heap: list[tuple[int, str]] = []
        self._turn = 0

    def take(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Rows as they are now (None: gone)."""
        for key, row in rows:
            self._take_dues(key, row)
            self._take_forgetting(key, row)

    def _take_dues(self, key: str, row: Any) -> None:
        if isinstance(row, bytes):
            return
        dues: tuple[Due, ...] = () if row is None else self._core.dues(key, row)
        known = self._dues.get(key, ())
        if dues == known:
            return
        if dues:
            self._dues[key] = dues
        else:
            del self._dues[key]
        for due in dues:
            if due not in known:
                self._push(due.at, key)

    def _push(self, at: int, key: str) -> None:
        self._turn += 1
        heapq.heappush(self._due_heap, (at, key, self._turn))

    def _take_forgetting(self, key: str, row: Any) -> None:
        until: int | None = None
        if kind_of(key) == ANSWER:
            until = None if row is None else answer_until(row)
        elif row is not None:
            until = self._core.forgotten_at(key, row)
        if until is None:
            self._forget_at.pop(key, None)
        elif self._forget_at.get(key) != until:
            self._forget_at[key] = until
            heapq.heappush(self._forget_heap, (until, key))

    def next_due(self) -> int | None:
        """When the next thing falls due (ms UTC); None: nothing does."""
        return min((due.at for dues in self._dues.values() for due in dues), default=None)

    def due(self, now: int, most: int) -> list[Due]:
        """What is due by `now`, oldest first; what stays due comes again after a while."""
        found: list[Due] = []
        again: list[str] = []
        while self._due_heap and self._due_heap[0][0] <= now and len(found) < most:
            _, key, _ = heapq.heappop(self._due_heap)
            ripe = [due for due in self._dues.get(key, ()) if due.at <= now]
            if ripe and key not in again:
                found.extend(ripe)
                again.append(key)
        for key in again:
            self._push(now + RESEND_AFTER, key)
        return found

    def forget(self, now: int) -> list[str]:
        """Keys of rows whose time has passed, a bounded number; they are not told again."""
        keys: list[str] = []
        while self._forget_heap and self._forget_heap[0][0] <= now and len(keys) < FORGET_MAX:
            until, key = heapq.heappop(self._forget_heap)
            if self._forget_at.get(key) == until:
                keys.append(key)
        return keys

    def drop_forgotten(self, keys: Iterable[str]) -> None:
        """A batch with these was dropped: tell them again."""
        for key in keys:
            if key in self._forget_at:
                heapq.heappush(self._forget_heap, (self._forget_at[key], key))
