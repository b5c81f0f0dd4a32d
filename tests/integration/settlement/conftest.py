"""A settling network on PostgreSQL, and on its stand-in."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine

from deploy.embedded.resolve import Infrastructure
from deploy.migrations.run import upgrade
from services.runtime import outbox_table
from services.runtime.tables import create_tables, open_tables
from services.settlement import tables
from tests.integration.settlement.network import Network, database_of_its_own, empty


@pytest.fixture(scope="session")
def migrated(infra: Infrastructure) -> Iterator[str]:
    """A migrated database for settlement's tests; each empties it."""
    with database_of_its_own(infra) as url:
        upgrade(url)
        yield url


@pytest.fixture(params=["memory", "postgresql"])
def net(request: pytest.FixtureRequest) -> Iterator[Network]:
    """A network with verified accounts, on either database."""
    if request.param == "memory":
        engine = open_tables("sqlite://")
        create_tables(engine, [outbox_table.METADATA, tables.METADATA])
    else:
        engine = create_engine(request.getfixturevalue("migrated"))
        empty(engine)
    network = Network(engine)
    network.open_accounts()
    yield network
    engine.dispose()
