"""What issuance and redemption know now, read from their state topics, and what falls due there."""

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from schemas.topics import Topic
from services.issuance.worker import SPEC as ISSUANCE
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.advance import PROGRESS
from services.runtime.deciding import DecidingSpec
from services.runtime.ports import StateReader
from services.runtime.rowcodec import ANSWER, CoreRows, kind_of
from services.runtime.slices import slices


@dataclass(slots=True)
class _Table:
    """The rows of one deciding service, by key."""

    core: ModuleType
    codec: CoreRows
    topics: tuple[Topic, ...]
    rows: dict[str, Any] = field(default_factory=dict)
    dues: dict[str, tuple[int, ...]] = field(default_factory=dict)


class RowView:
    """Both services' rows as committed; `refresh` reads on. It answers from memory."""

    def __init__(self, reader: StateReader, partitions: int) -> None:
        self._reader = reader
        self._partitions = partitions
        self._positions: dict[tuple[str, int], int] = {}
        self._issuance = _table(ISSUANCE)
        self._redemption = _table(REDEMPTION)

    def refresh(self) -> None:
        """Read what has been committed since."""
        for table in (self._issuance, self._redemption):
            for topic in table.topics:
                for number in range(self._partitions):
                    self._read(table, topic, number)

    def card(self, name: str) -> Any | None:
        """Issuance's row of a card, or None."""
        return self._issuance.rows.get(name)

    def account(self, subject: str) -> Any | None:
        """Redemption's row of an account, or None."""
        return self._redemption.rows.get(subject)

    def cards(self) -> dict[str, Any]:
        """Every card issuance knows."""
        return {key: row for key, row in self._issuance.rows.items() if kind_of(key) == ""}

    def accounts(self) -> dict[str, Any]:
        """Every account redemption knows, by subject."""
        return {key: row for key, row in self._redemption.rows.items() if kind_of(key) == ""}

    def next_due(self, after: int) -> int | None:
        """The first instant later than `after` (ms UTC) at which something falls due."""
        dues = (
            due
            for table in (self._issuance, self._redemption)
            for known in table.dues.values()
            for due in known
            if due > after
        )
        return min(dues, default=None)

    def _read(self, table: _Table, topic: Topic, number: int) -> None:
        name = (topic.name, number)
        start, end = self._positions.get(name, 0), self._reader.end_in_doubt(*name)
        for records, after in slices(self._reader, *name, start, end):
            for record in records:
                _take(table, (record.key or b"").decode(), record.value)
            self._positions[name] = after


def _table(spec: DecidingSpec) -> _Table:
    topics = tuple(topic for topic in (spec.public, spec.memory) if topic is not None)
    return _Table(spec.core, CoreRows(spec.core.ROWS, spec.memory, spec.public), topics)


def _take(table: _Table, key: str, value: bytes | None) -> None:
    if key.startswith(PROGRESS) or kind_of(key) == ANSWER:
        return
    if value is None:
        table.rows.pop(key, None)
        table.dues.pop(key, None)
        return
    row = table.codec.read(key, value)
    table.rows[key] = row
    table.dues[key] = tuple(due.at for due in table.core.dues(key, row))
