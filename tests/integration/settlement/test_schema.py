"""The migrations of `operations` and `settlement` make exactly the declared tables."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, insert, inspect, select

from deploy.migrations.run import upgrade
from services.runtime import outbox_table
from services.settlement import tables


def test_migrations_make_what_the_tables_declare(database: str) -> None:
    upgrade(database)
    engine = create_engine(database)
    both = MetaData()
    for declared in (outbox_table.METADATA, tables.METADATA):
        for table in declared.sorted_tables:
            table.to_metadata(both)
    wanted = {"operations", "settlement"}
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "schema" or name in wanted,
            },
        )
        assert compare_metadata(context, both) == []
        head = connection.execute(select(outbox_table.outbox_head.c.position)).scalar_one()
        names = {schema: set(inspect(connection).get_table_names(schema)) for schema in wanted}
    engine.dispose()
    assert head == 0
    assert names["operations"] == {"operation", "outbox", "outbox_head"}
    assert len(names["settlement"]) == len(tables.METADATA.tables)


def test_what_was_carried_is_the_entitys_that_the_runs_said(database: str) -> None:
    upgrade(database, "0010_content_of_imports")
    engine = create_engine(database)
    rows = [
        # A changed hands; what was carried then was wrongly taken over, and is to be given back.
        ("run1", "closed", "A", "EA", 0, -60),
        ("run2", "closed", "A", "EC", -60, 0),
        ("run2", "closed", "B", "EB", 0, 60),
        ("run3", "calculated", "B", "EB", 60, 0),
    ]
    with engine.begin() as connection:
        for name in ("run1", "run2", "run3"):
            state = next(row[1] for row in rows if row[0] == name)
            connection.execute(insert(tables.run).values(**run_row(name, state)))
        for name, _, location, entity, before, left in rows:
            position = {"run": name, "location": location, "entity": entity, "before": before}
            moved = {"net": left - before, "moved": 0, "carried": left}
            connection.execute(insert(tables.run_position).values(**position, **moved))
    upgrade(database)
    with engine.connect() as connection:
        found = connection.execute(select(tables.carried)).all()
    engine.dispose()
    assert {(r.location, r.entity, r.currency): r.amount for r in found} == {
        ("A", "EA", "USD"): -60,
        ("A", "EC", "USD"): 60,
        ("B", "EB", "USD"): 60,
    }


def run_row(name: str, state: str) -> dict[str, Any]:
    return {
        "run": name,
        "currency": "USD",
        "parent": "HQ",
        "state": state,
        "made_by": "ann",
        "held": [],
        "release": "with_debits",
        "started_at": 1,
    }
