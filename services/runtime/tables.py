"""The tables port: PostgreSQL in production, an in-memory SQLite in stories and simulation.

Both run the same SQLAlchemy Core statements of the services; where a dialect has a faster way
(COPY), it is taken here. Schemas are real in both (SQLite attaches one database per schema).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, MetaData, StaticPool, Table, create_engine, event, insert

SCHEMAS: Final = ("ledger", "settlement", "operations", "directory", "replay")
MEMORY_URL: Final = "sqlite://"


def open_tables(url: str, *, pool_size: int = 5, idle_seconds_max: int | None = None) -> Engine:
    """An engine on a SQLAlchemy URL; `sqlite://` is a fresh, empty in-memory database.

    With `idle_seconds_max` PostgreSQL ends a transaction that stands still for longer: a frozen
    process would keep its locks, and whoever takes over would wait for it for ever.
    """
    if url == MEMORY_URL:
        return _open_memory()
    options = {}
    if idle_seconds_max is not None:
        options["options"] = f"-c idle_in_transaction_session_timeout={idle_seconds_max}s"
    return create_engine(url, pool_size=pool_size, pool_pre_ping=True, connect_args=options)


def _open_memory() -> Engine:
    engine = create_engine(
        MEMORY_URL, poolclass=StaticPool, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _attach(connection: Any, _record: Any) -> None:
        # SQLAlchemy, not the driver, opens transactions: so DDL and reads are in them too.
        connection.isolation_level = None
        for schema in SCHEMAS:
            connection.execute(f"ATTACH DATABASE ':memory:' AS {schema}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def create_tables(engine: Engine, declared: Iterable[MetaData]) -> None:
    """Make the declared tables in a fresh in-memory database (PostgreSQL has migrations)."""
    assert not is_postgres(engine)
    for metadata in declared:
        metadata.create_all(engine)


def is_postgres(bind: Engine | Connection) -> bool:
    """Is PostgreSQL behind it?"""
    return bind.dialect.name == "postgresql"


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert many rows, by COPY where PostgreSQL is behind; every row has the same keys."""
    if not rows:
        return
    if not is_postgres(connection):
        connection.execute(insert(table), list(rows))
        return
    columns = list(rows[0])
    types = [table.c[name].type for name in columns]
    binders = [
        kind.dialect_impl(connection.dialect).bind_processor(connection.dialect) for kind in types
    ]
    names = ", ".join(f'"{name}"' for name in columns)
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.schema}"."{table.name}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(
                [
                    bind(row[name]) if bind is not None else row[name]
                    for name, bind in zip(columns, binders, strict=True)
                ]
            )
