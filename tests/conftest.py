"""What every test may ask for: one Kafka and one PostgreSQL for the run, a name, a database."""

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from deploy.embedded.resolve import Infrastructure, infrastructure


@pytest.fixture(scope="session")
def infra(request: pytest.FixtureRequest) -> Iterator[Infrastructure]:
    """A Kafka and a PostgreSQL, the same for all tests of the run.

    Each worker of pytest-xdist is a run of its own and would start its own: on two cores the
    tests that need a broker run one after the other instead.
    """
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        pytest.fail("tests that need a broker run without -n: one broker serves the whole run")
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    with infrastructure(say=terminal.write_line if terminal else None) as taken:
        yield taken


@pytest.fixture
def namespace() -> str:
    """A prefix for topics, groups, transactional ids and databases that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def database(infra: Infrastructure, namespace: str) -> Iterator[str]:
    """The SQLAlchemy address of an empty database of this test's own, dropped afterwards."""
    server = infra.postgres.replace("postgresql+psycopg://", "postgresql://")
    name = sql.Identifier(namespace)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    address = make_url(infra.postgres).set(database=namespace)
    yield address.render_as_string(hide_password=False)
    # Opened anew: the test may have restarted the server.
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
