"""The schema `operations`: what is executed once, and the outbox its facts leave by."""

import sqlalchemy as sa
from alembic import op

revision = "0001_operations"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.execute("CREATE SCHEMA operations")
    _operation()
    _outbox()
    _outbox_head()
    _indexes()
    op.execute("INSERT INTO operations.outbox_head (id, position) VALUES (1, 0)")


def _operation() -> None:
    op.create_table(
        "operation",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("made_by", sa.String(128), nullable=False),
        sa.Column("approved_by", sa.String(128)),
        sa.Column("as_of", sa.JSON, nullable=False, comment="{topic/partition: next offset}"),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False, comment="ms UTC"),
        sa.Column("executed_at", sa.BigInteger, comment="ms UTC"),
        sa.PrimaryKeyConstraint("id"),
        schema="operations",
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("topic", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False, comment="key of the record"),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("fact", sa.String(36), nullable=False),
        sa.Column("causation", sa.String(128), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("dates", sa.JSON, nullable=False),
        sa.Column("policy", sa.Integer, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False, comment="ms UTC"),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("fact", name="outbox_fact_once"),
        schema="operations",
    )


def _outbox_head() -> None:
    op.create_table(
        "outbox_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False, comment="of the last fact appended"),
        sa.PrimaryKeyConstraint("id"),
        schema="operations",
    )


def _indexes() -> None:
    op.create_index("outbox_by_topic", "outbox", ["topic", "position"], schema="operations")
