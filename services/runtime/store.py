"""The memory store: rows as bytes in a dictionary."""

from collections.abc import Iterable


class MemoryStore:
    """Every row of a partition in memory, as the bytes of its state topic."""

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """The row, or None."""
        return self._rows.get(key)

    def apply(self, rows: Iterable[tuple[str, bytes | None]]) -> None:
        """Take committed rows over; None deletes."""
        for key, value in rows:
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value

    def scan(self) -> Iterable[tuple[str, bytes]]:
        """Every row."""
        return list(self._rows.items())

    def close(self) -> None:
        """Forget everything."""
        self._rows.clear()

    def __len__(self) -> int:
        return len(self._rows)
