"""The scratch schema `replay`: what each shadow has worked out so far, and how far it is.

Nothing lives here that cannot be worked out again: DROP SCHEMA replay CASCADE is always safe.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
)

from services.runtime.tables import is_postgres

METADATA: Final = MetaData(schema="replay")

position = Table(
    "position",
    METADATA,
    Column("plan", String(64), primary_key=True),
    Column("topic", String(128), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)
fact = Table(
    "fact",
    METADATA,
    Column("plan", String(64), primary_key=True),
    Column("fact", String(36), primary_key=True),
    Column("topic", String(128), nullable=False),
    Column("type", String(64), nullable=False),
    Column("subject", String(160), nullable=False),
    Column("dates", JSON, nullable=False),
)
line = Table(
    "line",
    METADATA,
    Column("plan", String(64), primary_key=True),
    Column("fact", String(36), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("currency", String(3), nullable=False),
    Column("entity", String(64), nullable=False),
    Column("account", String(32), nullable=False),
    Column("location", String(64)),
    Column("channel", String(64)),
    Column("programme", String(64)),
    Column("cohort", String(16)),
    Column("counterparty", String(64)),
    Column("subject", String(160)),
    Column("origin", String(16)),
    Column("standard", String(32)),
    Column("minor", BigInteger, nullable=False, comment="debit positive"),
)
item = Table(
    "item",
    METADATA,
    Column("plan", String(64), primary_key=True),
    Column("item", String(36), primary_key=True),
    Column("fact", String(36), nullable=False, comment="the fact it follows from"),
    Column("account", String(160), nullable=False),
    Column("source", String(64), nullable=False),
    Column("destination", String(64), nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("funded", BigInteger, nullable=False),
    Column("rate_bp", Integer),
    Column("amount", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
)
account_row = Table(
    "account_row",
    METADATA,
    Column("plan", String(64), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("key", String(400), primary_key=True),
    Column("row", LargeBinary, nullable=False, comment="as on the topics of state"),
)


def make_tables(engine: Engine) -> None:
    """Make the schema if it is not there."""
    with engine.begin() as connection:
        if is_postgres(connection):
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS replay"))
        METADATA.create_all(connection)
