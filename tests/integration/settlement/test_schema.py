"""The migrations of `operations` and `settlement` make exactly the declared tables."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, inspect, select

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
