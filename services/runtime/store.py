"""The memory store: rows as bytes in a dictionary."""

from collections.abc import Iterable
from dataclasses import replace

import structlog

from services.runtime.ports import Standing
from services.runtime.timeline import Timeline

_log = structlog.get_logger()


class MemoryStore:
    """Every row of a partition in memory, as the bytes of its state topic."""

    def __init__(self) -> None:
        self.dues = Timeline()
        self.forgettings = Timeline()
        self._rows: dict[str, bytes] = {}
        self._standing: Standing | None = None

    def get(self, key: str) -> bytes | None:
        """The row, or None."""
        return self._rows.get(key)

    def apply(
        self,
        rows: Iterable[tuple[str, bytes | None]],
        standing: Standing,
    ) -> None:
        """Take over the rows of a committed batch and where it ended."""
        self.restore(rows)
        before = {} if self._standing is None else self._standing.offsets
        self._standing = replace(standing, offsets={**before, **standing.offsets})

    def restore(self, rows: Iterable[tuple[str, bytes | None]]) -> None:
        """Take over rows read from the log."""
        known = self._rows
        for key, value in rows:
            if value is None:
                known.pop(key, None)
            else:
                known[key] = value

    def reached(self, standing: Standing) -> None:
        """All is restored up to here."""
        self._standing = standing

    def standing(self) -> Standing | None:
        """Where a restore may begin; None: from nothing."""
        return self._standing

    def scan(self) -> Iterable[tuple[str, bytes]]:
        """Every row."""
        return list(self._rows.items())

    def clear(self, cause: str) -> None:
        """Throw everything away."""
        if self._rows:
            _log.warning("store_thrown_away", cause=cause)
        self._rows.clear()
        self._standing = None
        self.dues.clear()
        self.forgettings.clear()

    def close(self) -> None:
        """Nothing to give back; whoever holds it may open it again."""

    def __len__(self) -> int:
        return len(self._rows)
