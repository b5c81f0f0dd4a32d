"""Databases of a test's own on a server."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from deploy.embedded.resolve import Infrastructure


@contextmanager
def made_database(infra: Infrastructure, name: str) -> Iterator[str]:
    """The SQLAlchemy address of an empty database, dropped afterwards."""
    server = infra.postgres.replace("postgresql+psycopg://", "postgresql://")
    named = sql.Identifier(name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(named))
    yield make_url(infra.postgres).set(database=name).render_as_string(hide_password=False)
    # Opened anew: the test may have restarted the server.
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(named))
