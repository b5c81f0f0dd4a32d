"""Disks that outlive processes: a store on one is warm when its process starts again.

What RocksDB promises is kept, and no more: a write with its log is there after a kill, unlogged
writes of a restore may be or not, power loss takes the last writes from the end, and a process that
stands still keeps its lock, so that whoever replaces it takes the next place.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from services.runtime.ports import Standing
from services.runtime.store import MemoryStore
from services.runtime.timeline import Entry, Timeline

HISTORY_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Written:
    """What is on a disk: rows, entries of the two timelines, and the standing."""

    rows: Mapping[str, bytes] = field(default_factory=dict)
    dues: frozenset[Entry] = frozenset()
    forgettings: frozenset[Entry] = frozenset()
    standing: Standing | None = None


@dataclass(slots=True)
class Place:
    """One place for a store: what is on it now, what was before, and who has it open."""

    written: Written = field(default_factory=Written)
    before: list[Written] = field(default_factory=list)
    holder: "WarmStore | None" = None

    def write(self, written: Written) -> None:
        """Logged: it is there from now on."""
        self.before = [*self.before[1 - HISTORY_MAX :], self.written]
        self.written = written


class DiskShelf:
    """A timeline's entries as they are written now."""

    def __init__(self, entries: Callable[[], Iterable[Entry]]) -> None:
        self._entries = entries

    def after(self, entry: Entry | None, most: int) -> list[Entry]:
        """The next entries after this one."""
        return sorted(e for e in self._entries() if entry is None or e > entry)[:most]


class WarmStore(MemoryStore):
    """The rows of a partition on a place of a disk."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place
        place.holder = self
        self._open()

    def apply(
        self,
        rows: Iterable[tuple[str, bytes | None]],
        standing: Standing,
    ) -> None:
        """Rows, entries and where the batch ended, in one write."""
        super().apply(rows, standing)
        self._write()

    def reached(self, standing: Standing) -> None:
        """First the rows are on the disk, then it is said."""
        super().reached(standing)
        self._write()

    def clear(self, cause: str) -> None:
        """Throw everything away."""
        super().clear(cause)
        self._place.write(Written())
        self._open()

    def close(self) -> None:
        """Give the place back."""
        if self._place.holder is self:
            self._place.holder = None

    def _open(self) -> None:
        there = self._place.written
        self._rows = dict(there.rows)
        self.dues = Timeline(DiskShelf(lambda: self._place.written.dues))
        self.forgettings = Timeline(DiskShelf(lambda: self._place.written.forgettings))
        self._standing = there.standing

    def _write(self) -> None:
        assert self._standing is not None
        there = self._place.written
        self._place.write(
            Written(
                dict(self._rows),
                _kept(there.dues, self.dues),
                _kept(there.forgettings, self.forgettings),
                self._standing,
            )
        )


class Disks:
    """Every disk there is, by role, slot, topic and partition."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str, str, int], list[Place]] = {}

    def store(self, role: str, slot: str, topic: str, partition: int) -> WarmStore:
        """Open the first place that nobody holds."""
        places = self._places.setdefault((role, slot, topic, partition), [])
        for place in places:
            if place.holder is None:
                return WarmStore(place)
        places.append(Place())
        return WarmStore(places[-1])

    def lose_power(self, chance: Random) -> None:
        """Of every store that nobody holds the last writes may be gone, from the end."""
        for places in self._places.values():
            for place in places:
                if place.holder is None and place.before:
                    back = chance.randrange(len(place.before) + 1)
                    if back:
                        place.written = place.before[-back]
                        place.before = place.before[:-back]


def _kept(there: frozenset[Entry], line: Timeline) -> frozenset[Entry]:
    if not line.unwritten:
        return there
    gone = {entry for entry, is_there in line.unwritten.items() if not is_there}
    come = {entry for entry, is_there in line.unwritten.items() if is_there}
    line.unwritten.clear()
    return (there - gone) | come
