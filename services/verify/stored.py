"""What PostgreSQL holds, read in one snapshot, with the sinks' positions that belong to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Table, select

from services.ledger import tables as ledger
from services.ledger.books import HEADER_COLUMNS, LINE_COLUMNS
from services.runtime.ports import TopicPartition
from services.runtime.tables import is_postgres
from services.settlement import tables as settlement

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of one snapshot.

    positions: {sink: {(topic, partition): next offset}}. journals by id; lines by the journal's
    row number, in order; accounts, cards and items by their ids.
    """

    positions: dict[str, dict[TopicPartition, int]]
    journals: dict[str, Row]
    lines: dict[int, list[Row]]
    accounts: dict[str, Row]
    cards: dict[str, Row]
    items: dict[str, Row]


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """All that is read here is of one moment (REPEATABLE READ)."""
    with engine.connect() as connection:
        if is_postgres(engine):
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def read_stored(connection: Connection) -> Stored:
    """What the tables say, with how far their sinks were."""
    lines: dict[int, list[Row]] = {}
    columns = [ledger.journal_line.c[name] for name in LINE_COLUMNS]
    order = (ledger.journal_line.c.journal_id, ledger.journal_line.c.number)
    for row in connection.execute(select(*columns).order_by(*order)).mappings():
        lines.setdefault(row["journal_id"], []).append(dict(row))
    headers = select(*(ledger.journal.c[name] for name in ("id", *HEADER_COLUMNS)))
    return Stored(
        positions={
            "ledger": _positions(connection, ledger.progress, "ledger"),
            "settlement": _positions(connection, settlement.progress, "settlement"),
        },
        journals={row["journal"]: dict(row) for row in connection.execute(headers).mappings()},
        lines=lines,
        accounts=_by(connection, ledger.account_state, "account"),
        cards=_by(connection, ledger.card_state, "card"),
        items=_by(connection, settlement.item, "item"),
    )


def _by(connection: Connection, table: Table, key: str) -> dict[str, Row]:
    return {row[key]: dict(row) for row in connection.execute(select(table)).mappings()}


def _positions(connection: Connection, table: Table, sink: str) -> dict[TopicPartition, int]:
    rows = connection.execute(
        select(table.c.topic, table.c.partition, table.c.next_offset).where(table.c.sink == sink)
    )
    return {(row.topic, row.partition): row.next_offset for row in rows}
