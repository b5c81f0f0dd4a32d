"""The ledger sink: journals and facts a second into PostgreSQL with all columns and checks.

`python -m tests.benchmarks.ledger_sink [COMMANDS]` on the PostgreSQL that tests take.
"""

import gc
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.migrations.run import upgrade
from services.ledger.sink import LedgerSink
from services.runtime.collector import leave_rows_alone
from services.runtime.records import Record
from services.runtime.sink_loop import RECORDS_MAX
from services.runtime.sinks import apply_batch
from services.runtime.tables import open_tables
from tests.benchmarks.books import facts_of, journals_of
from tests.benchmarks.measuring import cpu_seconds

SINK = LedgerSink()
COMMANDS = 100_000
ACCOUNTS = 10_000
SINKS = 2
# Kept with keys and uniqueness; what serves reports alone is dropped for the first figure.
INDEXES_FOR_REPORTS = text(
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class t ON t.oid = i.indrelid "
    "WHERE n.nspname = 'ledger' AND NOT i.indisunique AND t.relname LIKE 'journal%'"
)
SIZE = text(
    "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'ledger' AND c.relkind = 'r'"
)


def fresh_database(server: str, *, reports: bool) -> str:
    """A migrated database on this server, with or without the indexes that reports need."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    plain = server.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = server.rpartition("/")[0] + f"/{name}"
    upgrade(url)
    if not reports:
        engine = open_tables(url)
        with engine.begin() as connection:
            for (index,) in connection.execute(INDEXES_FOR_REPORTS).all():
                connection.execute(text(f'DROP INDEX ledger."{index}"'))
        engine.dispose()
    return url


def write(url: str, partitions: Sequence[Sequence[Record]]) -> tuple[float, float]:
    """Processor seconds of the sink, and of its database process, for all these records.

    They are written as the sink polls them: in batches, one after the other.
    """
    engine = open_tables(url, pool_size=1)
    with engine.connect() as connection:
        backend = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    with _collected_as_in_its_process():
        began, there = time.process_time(), cpu_seconds(backend)
        for records in partitions:
            for start in range(0, len(records), RECORDS_MAX):
                batch = records[start : start + RECORDS_MAX]
                assert apply_batch(engine, SINK, batch) == len(batch)
        used = time.process_time() - began, cpu_seconds(backend) - there
    engine.dispose()
    return used


@contextmanager
def _collected_as_in_its_process() -> Iterator[None]:
    """The collector as `services.runtime.collector` sets it: what stands is not looked at again."""
    before = gc.get_threshold()
    leave_rows_alone()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def rate(url: str, partitions: Sequence[Sequence[Record]]) -> dict[str, Any]:
    """Records a second by the clock; for each, µs of the sink's own processor and PostgreSQL's."""
    began = time.perf_counter()
    own, there = write(url, partitions)
    seconds = time.perf_counter() - began
    count = sum(map(len, partitions))
    return {
        "rows": count,
        "bytes": round(size_of(url) / count),
        "per_second": round(count / seconds),
        "us": round(own / count * 1e6, 1),
        "postgres_us": round(there / count * 1e6, 1),
    }


def size_of(url: str) -> int:
    """Bytes of the schema's tables with their indexes."""
    engine = open_tables(url)
    with engine.connect() as connection:
        size = connection.execute(SIZE).scalar_one()
    engine.dispose()
    return int(size)


def measure(server: str, commands: int = COMMANDS) -> dict[str, Any]:
    """Journals without and with the indexes for reports, by several sinks, and account facts."""
    facts = facts_of(commands, ACCOUNTS)
    began = time.process_time()
    journals = [journals_of(records) for records in facts]
    derived = (time.process_time() - began) / sum(map(len, facts)) * 1e6
    warm = fresh_database(server, reports=True)
    write(warm, [journals[0][:RECORDS_MAX]])
    figures: dict[str, Any] = {
        "derive_us": round(derived, 1),
        "journals": rate(fresh_database(server, reports=False), journals),
        "journals_with_indexes": rate(fresh_database(server, reports=True), journals),
    }
    figures["facts"] = rate(fresh_database(server, reports=True), facts)
    figures["journals_by_several_sinks"] = several(server, journals)
    return figures


def several(server: str, journals: Sequence[Sequence[Record]]) -> dict[str, Any]:
    """Partitions dealt out to several sinks, each a process of its own, into one database."""
    url = fresh_database(server, reports=False)
    with ProcessPoolExecutor(SINKS) as pool:
        list(pool.map(_ready, range(SINKS)))
        began = time.perf_counter()
        list(pool.map(write, [url] * SINKS, [journals[i::SINKS] for i in range(SINKS)]))
        seconds = time.perf_counter() - began
    count = sum(map(len, journals))
    return {"rows": count, "sinks": SINKS, "per_second": round(count / seconds)}


def _ready(number: int) -> int:
    return number


def main() -> None:
    """Measure on a PostgreSQL of its own."""
    server = EmbeddedPostgres.start()
    try:
        print(measure(server.url, *map(int, sys.argv[1:])))
    finally:
        server.close()


if __name__ == "__main__":
    main()
