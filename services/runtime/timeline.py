"""Instants of rows, earliest first: a window of the next ones in memory, the rest on a shelf."""

import heapq
from collections.abc import Iterable
from typing import Final, Protocol

Entry = tuple[int, str]

WINDOW: Final = 10_000


class Shelf(Protocol):
    """Where entries outlive the process, in order of instant and key."""

    def after(self, entry: Entry | None, most: int) -> list[Entry]:
        """The next entries after this one (None: from the first), at most so many."""
        ...


class Timeline:
    """Entries (ms UTC, row key); one counts only as long as its row still says so.

    Without a shelf everything is in the window. With one, the store writes `unwritten` together
    with the rows they belong to (True: is there, False: is gone), and the window is a part: all
    entries up to `_horizon` (None: all there are) that were not taken yet.
    """

    def __init__(self, shelf: Shelf | None = None) -> None:
        self.unwritten: dict[Entry, bool] = {}
        self._shelf = shelf
        self._window: list[Entry] = []
        self._inside: set[Entry] = set()
        self._horizon: Entry | None = None
        self._beyond = shelf is not None
        if self._beyond:
            self._load()

    def add(self, at: int, key: str) -> None:
        """The row says this instant."""
        entry = (at, key)
        if entry in self._inside:
            return
        if self._shelf is not None:
            self.unwritten[entry] = True
        self.put_back(entry)

    def put_back(self, entry: Entry) -> None:
        """What was taken is wanted again; the shelf has it already."""
        if self._beyond and self._horizon is not None and entry > self._horizon:
            return
        self._inside.add(entry)
        heapq.heappush(self._window, entry)
        if self._shelf is not None and len(self._window) > 2 * WINDOW:
            self._keep(self._window)

    def first(self) -> Entry | None:
        """The earliest entry; None: there is none."""
        while not self._window and self._beyond:
            self._load()
        return self._window[0] if self._window else None

    def take(self, until: int) -> Entry | None:
        """The earliest entry, off the window, if its instant has come by `until`.

        The shelf keeps it until it is `done`, so that a restart finds it again.
        """
        entry = self.first()
        if entry is None or entry[0] > until:
            return None
        self._inside.discard(entry)
        return heapq.heappop(self._window)

    def done(self, entry: Entry) -> None:
        """No row says so any more."""
        if self._shelf is not None and entry not in self._inside:
            self.unwritten[entry] = False

    def clear(self) -> None:
        """There are no rows, so there are no entries."""
        self.unwritten.clear()
        self._window.clear()
        self._inside.clear()
        self._horizon = None
        self._beyond = False

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._window)

    def _load(self) -> None:
        """The next entries of the shelf; those not written to it yet are among them."""
        assert self._shelf is not None
        start = self._horizon
        shelved = self._shelf.after(start, WINDOW)
        coming = [
            entry
            for entry, there in self.unwritten.items()
            if there and (start is None or entry > start)
        ]
        if len(shelved) < WINDOW:
            self._beyond = False
            self._horizon = None
            self._window = sorted({*shelved, *coming})
            self._inside = set(self._window)
        else:
            known = shelved[-1]
            self._keep({*shelved, *(entry for entry in coming if entry <= known)})

    def _keep(self, entries: Iterable[Entry]) -> None:
        """A window of the earliest of these."""
        self._window = heapq.nsmallest(WINDOW, entries)
        self._inside = set(self._window)
        self._horizon = self._window[-1]
        self._beyond = True
