"""Many rows at once: COPY where PostgreSQL is behind, one statement with many rows elsewhere.

Rows are tuples of text, integers, truth values and None, or dictionaries that all have the same
keys; what a column holds as JSON is any value orjson can write.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    MetaData,
    Table,
    bindparam,
    insert,
    text,
    update,
)

from services.runtime.tables import is_postgres

Row = tuple[Any, ...]
_ESCAPED: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def insert_tuples(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Insert rows whose cells are in the order of `columns`."""
    if not rows:
        return
    if is_postgres(connection):
        copy_rows(connection, f"{table.schema}.{table.name}", columns, rows)
    else:
        dictionaries = [dict(zip(columns, row, strict=True)) for row in rows]
        connection.execute(insert(table), dictionaries)


def insert_dicts(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; values of JSON columns are replaced in them by what is written."""
    if not rows:
        return
    if is_postgres(connection):
        target = f"{table.schema}.{table.name}"
        copy_rows(connection, target, list(rows[0]), _cells(table, rows))
        return
    for name in _json_names(table, rows):
        for row in rows:
            row[name] = orjson.loads(orjson.dumps(row[name]))
    connection.execute(insert(table), list(rows))


def update_dicts(
    connection: Connection, table: Table, key: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Update the row of each `key`; a statement for each would wait for the server each time."""
    if not rows:
        return
    if not is_postgres(connection):
        values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != key}
        statement = update(table).where(table.c[key] == bindparam("at_key")).values(values)
        connection.execute(statement, [{**row, "at_key": row[key]} for row in rows])
        return
    names, staged = list(rows[0]), f"{table.name}_staged"
    columns = ", ".join(f'"{name}"' for name in names)
    like = f"SELECT {columns} FROM {table.schema}.{table.name} WITH NO DATA"  # noqa: S608
    make = f"CREATE TEMP TABLE IF NOT EXISTS {staged} ON COMMIT DELETE ROWS AS {like}"
    connection.execute(text(make))
    copy_rows(connection, staged, names, _cells(table, rows))
    found = Table(staged, MetaData(), *(Column(name) for name in names))
    changed = {name: found.c[name] for name in names if name != key}
    connection.execute(update(table).where(table.c[key] == found.c[key]).values(changed))


def copy_rows(
    connection: Connection, target: str, columns: Sequence[str], rows: Iterable[Row]
) -> None:
    """COPY rows into a table of PostgreSQL, in the transaction of the connection."""
    copy_said(connection, target, columns, copy_text(rows))


def copy_said(connection: Connection, target: str, columns: Sequence[str], said: str) -> None:
    """COPY what is in its text format already."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    names = ", ".join(f'"{name}"' for name in columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY {target} ({names}) FROM STDIN") as copy:
        copy.write(said)


def plainly_said(documents: Iterable[bytes | None]) -> bool:
    """Can every text in these JSON documents be written as a cell as it is?

    What COPY has escaped (backslash, tab, line feed, carriage return) JSON has escaped too, always
    by a backslash, and a document that holds one unescaped is not read at all.
    """
    return not any(b"\\" in document for document in documents if document is not None)


def copy_text(rows: Iterable[Row]) -> str:
    """Rows in the text format of PostgreSQL's COPY."""
    return "".join([_copy_row(row) for row in rows])


def _copy_row(row: Row) -> str:
    said = "\t".join(
        [r"\N" if cell is None else cell if cell.__class__ is str else str(cell) for cell in row]
    )
    if (
        said.count("\\") == row.count(None)
        and said.count("\t") == len(row) - 1
        and "\n" not in said
        and "\r" not in said
    ):
        return said + "\n"
    return "\t".join(map(_escaped, row)) + "\n"


def _escaped(cell: str | int | None) -> str:
    return r"\N" if cell is None else str(cell).translate(_ESCAPED)


def _json_names(table: Table, rows: Sequence[dict[str, Any]]) -> list[str]:
    return [name for name in rows[0] if isinstance(table.c[name].type, JSON)]


def _cells(table: Table, rows: Sequence[dict[str, Any]]) -> Iterable[Row]:
    written = _json_names(table, rows)
    for row in rows:
        for name in written:
            row[name] = orjson.dumps(row[name]).decode()
        yield tuple(row.values())
