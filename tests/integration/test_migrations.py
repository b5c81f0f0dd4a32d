"""The database that migrations make: equal to what is declared, explained, and closed to BI."""

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import MetaData, create_engine, text

from deploy.migrations.reference import ALL
from deploy.migrations.run import newest, upgrade
from services.issuance.tables import METADATA as DIRECTORY
from services.ledger.tables import METADATA as LEDGER
from services.runtime.outbox_table import METADATA as OPERATIONS
from services.settlement.tables import METADATA as SETTLEMENT

DECLARED = {
    "operations": OPERATIONS,
    "ledger": LEDGER,
    "settlement": SETTLEMENT,
    "directory": DIRECTORY,
}


@pytest.fixture
def migrated(database: str) -> str:
    upgrade(database)
    return database


@pytest.mark.parametrize("schema", DECLARED)
def test_migrations_make_exactly_the_declared_tables(migrated: str, schema: str) -> None:
    def of_schema(name: str | None, kind: str, _: object) -> bool:
        return kind != "schema" or name == schema

    metadata: MetaData = DECLARED[schema]
    engine = create_engine(migrated)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": of_schema,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_database_that_is_new_enough_stays_as_it_is(migrated: str) -> None:
    upgrade(migrated)
    with psycopg.connect(_plain(migrated)) as connection:
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert versions == [(newest(),)]


def test_every_view_and_column_of_bi_is_explained(migrated: str) -> None:
    with psycopg.connect(_plain(migrated)) as connection:
        views = connection.execute(
            "SELECT c.relname, obj_description(c.oid), c.relkind FROM pg_class c "
            "WHERE c.relnamespace = 'bi'::regnamespace"
        ).fetchall()
        columns = connection.execute(
            "SELECT c.relname, a.attname, col_description(c.oid, a.attnum) FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
            "WHERE c.relnamespace = 'bi'::regnamespace"
        ).fetchall()
    assert len(views) == len(ALL)
    assert [view for view, comment, kind in views if not comment or kind != "v"] == []
    assert [(view, column) for view, column, comment in columns if not comment] == []


def test_the_bi_reader_sees_bi_and_nothing_else(migrated: str) -> None:
    with psycopg.connect(_plain(migrated), autocommit=True) as connection:
        connection.execute("SET ROLE bi_reader")
        for (view,) in connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'bi'::regnamespace"
        ).fetchall():
            query = sql.SQL("SELECT * FROM bi.{} LIMIT 1").format(sql.Identifier(view))
            connection.execute(query).fetchall()
        for table in (table for declared in DECLARED.values() for table in declared.sorted_tables):
            name = sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(str(table.schema), table.name))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(name)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE bi.mine (x int)")


def test_the_bi_reader_reads_only_and_never_long(migrated: str) -> None:
    with psycopg.connect(_plain(migrated)) as connection:
        row = connection.execute(
            "SELECT rolconfig FROM pg_roles WHERE rolname = 'bi_reader'"
        ).fetchone()
    assert row is not None
    assert sorted(row[0]) == ["default_transaction_read_only=on", "statement_timeout=60s"]


def test_the_books_refuse_change_and_imbalance(migrated: str) -> None:
    engine = create_engine(migrated)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ledger.journal (journal, fact, entity, currency, date, business_date, "
                "event, fact_topic, policy, time, content) VALUES "
                "('j', 'f', 'A', 'USD', '2026-05-01', '2026-05-01', 'e', 't', 1, 0, '')"
            )
        )
        insert = text(
            "INSERT INTO ledger.journal_line (journal_id, number, account, debit, credit) "
            "VALUES (1, 1, '1000', 5, 0), (1, 2, '2100', 0, :credit)"
        )
        nested = connection.begin_nested()
        with pytest.raises(Exception, match="journal 1 does not balance"):
            connection.execute(insert, {"credit": 4})
        nested.rollback()
        nested = connection.begin_nested()
        with pytest.raises(Exception, match="there is no journal 2"):
            connection.execute(
                text(
                    "INSERT INTO ledger.journal_line (journal_id, number, account, debit, credit) "
                    "VALUES (2, 1, '1000', 5, 0), (2, 2, '2100', 0, 5)"
                )
            )
        nested.rollback()
        connection.execute(insert, {"credit": 5})
    for change in (
        "UPDATE ledger.journal SET entity = 'B'",
        "DELETE FROM ledger.journal_line",
        "TRUNCATE ledger.journal_line",
    ):
        with engine.connect() as connection, pytest.raises(Exception, match="only ever inserted"):
            connection.execute(text(change))
    engine.dispose()


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_a_history_from_before_a_column_says_nothing_of_it_and_not_that_nobody_approved(
    database: str,
) -> None:
    upgrade(database, "0009_rekeyed")
    with psycopg.connect(_plain(database)) as connection:
        connection.execute(
            "INSERT INTO ledger.account_event (fact, account, type, at, business_date, programme,"
            " state, ledger_change, held_change, ledger_after, held_after, location, entity)"
            " VALUES ('f1', 'c1', 'balance_adjusted', 0, '2026-05-01', 'gift', 'Activated',"
            " 1, 0, 1, 0, 'F1', 'E1')"
        )
    upgrade(database)
    with psycopg.connect(_plain(database)) as connection:
        kept = connection.execute('SELECT approved_by, "case" FROM ledger.account_event').fetchall()
        shown = connection.execute("SELECT approved_by, activity FROM bi.mart_activity_log")
        assert (kept, shown.fetchall()) == ([("", "")], [(None, "balance_adjusted")])
