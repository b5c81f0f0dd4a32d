"""What falls due on one partition, and what may be forgotten, by the rows it has."""

import heapq
from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

import orjson

from schemas.decision import Due
from schemas.identifiers import derived
from services.runtime.bounds import Bounds
from services.runtime.kept import Kept
from services.runtime.ports import Store
from services.runtime.timeline import Entry

_NONE: Final[Mapping[str, Any]] = {}
# What was sent and is not done is sent again, ever later: where it takes long because there is much
# to do, sending everything again each second would leave no time to do any of it.
RESEND_AFTER: Final = 1_000
RESEND_DOUBLINGS: Final = 6
AWAITED_TIMES: Final = 5
FORGET_MAX: Final = 200
# Looking at a row means decoding it; there may be a million whose entries are of no account.
LOOKS_MAX: Final = 2_000


def due_command(due: Due) -> dict[str, Any]:
    """What a sweep says of something due; the same due has the same id, so twice is once."""
    body = orjson.dumps(due.body, option=orjson.OPT_SORT_KEYS).decode()
    id = derived(due.type, due.subject, body, str(due.at))
    return {"id": id, "subject": due.subject, "type": f"{due.type}.v1", "data": due.body}


class Agenda:
    """Dues and forgettings of the rows as committed, over the timelines of their store.

    An entry is a bound read from the row's bytes; the row itself is looked at when it is reached.
    """

    def __init__(self, bounds: Bounds, store: Store, kept: Kept) -> None:
        self._bounds = bounds
        self._store = store
        self._kept = kept
        self._sent: dict[str, int] = {}
        self._again: list[Entry] = []
        self._awaited: set[str] = set()
        self._times: dict[str, int] = {}
        self._told: dict[str, int] = {}

    def take(
        self, rows: Iterable[tuple[str, bytes | None]], objects: Mapping[str, Any] = _NONE
    ) -> None:
        """Rows as they will be (None: gone); the store writes them and their entries at once.

        `objects` are those of them that are at hand as what their bytes were written from.
        """
        dues, forgettings = self._store.dues, self._store.forgettings
        bounds = self._bounds.of
        # While a restore reads millions of rows, nothing of them was sent or told.
        known = bool(self._sent or self._told or self._awaited)
        for key, value in rows:
            if known:
                self._no_longer_told(key)
            at = until = None
            if value is not None:
                at, until = bounds(key, value, objects.get(key))
            if until is not None:
                forgettings.add(until, key)
            if (not known or self._is_new(key, at)) and at is not None:
                dues.add(at, key)

    def _no_longer_told(self, key: str) -> None:
        self._awaited.discard(key)
        told = self._told.pop(key, None)
        if told is not None:
            self._store.forgettings.done((told, key))

    def _is_new(self, key: str, at: int | None) -> bool:
        """Is this due of a row another than the one that was sent? That one is done, then."""
        sent = self._sent.get(key)
        if sent is None or at == sent:
            return sent is None
        del self._sent[key]
        self._times.pop(key, None)
        self._store.dues.done((sent, key))
        return True

    def awaited(self, handled: Container[str]) -> int:
        """How many were sent and are not done yet, those `handled` in this batch aside.

        What was sent many times is not waited for: should it never be done, the rest goes on.
        """
        return sum(key not in handled for key in self._awaited)

    def awaits(self) -> bool:
        """Was anything sent that is not done yet?"""
        return bool(self._awaited)

    def due(self, now: int, most: int) -> list[Due]:
        """What is due by `now`: at most so many new ones, oldest first, and what comes again."""
        found: list[Due] = []
        for _ in range(LOOKS_MAX):
            key = self._next_again(now)
            if key is None and len(found) < most:
                key = self._next_reached(now)
            if key is None:
                break
            ripe = [due for due in self._dues(key) if due.at <= now]
            if ripe:
                found.extend(ripe)
                self._send_again(key, now)
            else:
                self._settle(key)
        return found

    def _next_again(self, now: int) -> str | None:
        """The key of a row that was sent a while ago and is not done."""
        while self._again and self._again[0][0] <= now:
            _, key = heapq.heappop(self._again)
            if key in self._sent:
                return key
        return None

    def _next_reached(self, now: int) -> str | None:
        """The key of the next row to look at."""
        while (entry := self._store.dues.take(now)) is not None:
            at, key = entry
            if key not in self._sent:
                self._sent[key] = at
                self._awaited.add(key)
                return key
            if at != self._sent[key]:
                self._store.dues.done(entry)
        return None

    def _send_again(self, key: str, now: int) -> None:
        """Unless it is done by then; each time twice as late."""
        times = self._times[key] = self._times.get(key, 0) + 1
        if times > AWAITED_TIMES:
            self._awaited.discard(key)
        later = RESEND_AFTER << min(times - 1, RESEND_DOUBLINGS)
        heapq.heappush(self._again, (now + later, key))

    def _settle(self, key: str) -> None:
        """Nothing of this row is due: its entry goes, the next one of the row comes."""
        self._awaited.discard(key)
        self._times.pop(key, None)
        self._store.dues.done((self._sent.pop(key), key))
        ahead = min((due.at for due in self._dues(key)), default=None)
        if ahead is not None:
            self._store.dues.add(ahead, key)

    def _dues(self, key: str) -> tuple[Due, ...]:
        row = self._kept.look(key)
        if row is None:
            value = self._store.get(key)
            if value is None:
                return ()
            row = self._bounds.read(key, value)
            # What is due now is decided on soon, and would be decoded once more.
            self._kept.keep(key, row)
        return self._bounds.exactly_due(key, row)

    def next_due(self) -> int | None:
        """When the next thing falls due (ms UTC); None: nothing does."""
        line = self._store.dues
        found = [due.at for key in self._sent for due in self._dues(key)]
        while (entry := line.first()) is not None:
            at, key = entry
            if key not in self._sent:
                ahead = min((due.at for due in self._dues(key)), default=None)
                if ahead == at:
                    found.append(at)
                    break
                if ahead is not None:
                    line.add(ahead, key)
            line.take(at)
            line.done(entry)
        return min(found, default=None)

    def forget(self, now: int) -> list[str]:
        """Keys of rows whose time has passed, a bounded number; they are not told again."""
        keys: list[str] = []
        line = self._store.forgettings
        for _ in range(LOOKS_MAX):
            if len(keys) >= FORGET_MAX or (entry := line.take(now)) is None:
                break
            at, key = entry
            if key in self._told:
                continue
            value = self._store.get(key)
            until = None if value is None else self._bounds.exactly_forgotten(key, value)
            if until == at:
                self._told[key] = at
                keys.append(key)
                continue
            line.done(entry)
            if until is not None:
                line.add(until, key)
        return keys

    def drop_forgotten(self, keys: Iterable[str]) -> None:
        """A batch with these was dropped: tell them again."""
        for key in keys:
            at = self._told.pop(key, None)
            if at is not None:
                self._store.forgettings.put_back((at, key))
