"""The schema `settlement`: items, runs with their positions and entries, and what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0003_settlement_runs"
down_revision = "0002_ledger"
branch_labels = None
depends_on = None

UNFILED = "state IN ('open', 'calculated', 'pending_approval', 'approved')"


def upgrade() -> None:
    """Make it."""
    op.execute("CREATE SCHEMA settlement")
    _carried()
    _claim()
    _item()
    _owed()
    _progress()
    _run()
    _run_entry()
    _run_position()
    _indexes()


def _carried() -> None:
    op.create_table(
        "carried",
        sa.Column("location", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("location", "currency"),
        schema="settlement",
    )


def _claim() -> None:
    op.create_table(
        "claim",
        sa.Column(
            "item", sa.String(36), nullable=False, comment="of a run read back before the item"
        ),
        sa.Column("run", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("item"),
        schema="settlement",
    )


def _item() -> None:
    op.create_table(
        "item",
        sa.Column("item", sa.String(36), nullable=False),
        sa.Column("fact", sa.String(36), nullable=False),
        sa.Column(
            "content", sa.String(64), nullable=False, comment="SHA-256 of the fact's envelope"
        ),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("run", sa.String(128), comment="the run that claimed it"),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("capture", sa.String(128), nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("category", sa.String(64), nullable=False),
        sa.Column(
            "source", sa.String(64), nullable=False, comment="location where the value came in"
        ),
        sa.Column(
            "destination", sa.String(64), nullable=False, comment="location where it was used"
        ),
        sa.Column("source_entity", sa.String(64), nullable=False),
        sa.Column("destination_entity", sa.String(64), nullable=False),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("funded", sa.BigInteger, nullable=False),
        sa.Column("rate_bp", sa.Integer, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reverses", sa.String(36), comment="the use's item, on refunds"),
        sa.Column("programme", sa.String(64), nullable=False),
        sa.Column("cohort", sa.String(16), nullable=False),
        sa.Column("ticket", sa.String(200)),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("unexpected", sa.String(64), comment="why not reconciled"),
        sa.Column("policy", sa.Integer, nullable=False),
        sa.Column("dates", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("item"),
        schema="settlement",
    )


def _owed() -> None:
    op.create_table(
        "owed",
        sa.Column("owed", sa.String(160), nullable=False, comment="first trace/next attempt"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("location", sa.String(64), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, comment="of its next presentation"),
        sa.Column("first_trace", sa.String(15), nullable=False),
        sa.Column("first_effective", sa.String(10), nullable=False),
        sa.Column(
            "state", sa.String(16), nullable=False, comment="waiting claimed presented person"
        ),
        sa.Column("run", sa.String(128)),
        sa.Column("code", sa.String(4), nullable=False, comment="why it came back"),
        sa.PrimaryKeyConstraint("owed"),
        schema="settlement",
    )


def _progress() -> None:
    op.create_table(
        "progress",
        sa.Column("sink", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(128), nullable=False, comment="without namespace"),
        sa.Column("partition", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.Column("sequences", sa.JSON, nullable=False, comment="{input topic: last sequence}"),
        sa.Column("chains", sa.JSON, nullable=False, comment="{input topic: SHA-256 chain, hex}"),
        sa.Column("fact_time", sa.BigInteger, nullable=False, comment="ms UTC of the last fact"),
        sa.PrimaryKeyConstraint("sink", "topic", "partition"),
        schema="settlement",
    )


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("run", sa.String(128), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("parent", sa.String(64), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("content", sa.String(64), comment="SHA-256 that an approval binds to"),
        sa.Column("made_by", sa.String(128), nullable=False),
        sa.Column("approved_by", sa.String(128)),
        sa.Column(
            "held", sa.JSON, nullable=False, comment="items left accrued, with location and reason"
        ),
        sa.Column("release", sa.String(32), nullable=False),
        sa.Column("filing_at", sa.BigInteger, comment="when its first file counts as built"),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(200)),
        sa.PrimaryKeyConstraint("run"),
        schema="settlement",
    )


def _run_entry() -> None:
    op.create_table(
        "run_entry",
        sa.Column("run", sa.String(128), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("file_number", sa.Integer, nullable=False),
        sa.Column("part", sa.String(16), nullable=False, comment="all, debits or credits"),
        sa.Column("batch", sa.String(16), nullable=False, comment="regular or retry"),
        sa.Column("location", sa.String(64), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("code", sa.Integer, nullable=False, comment="NACHA transaction code"),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("first_trace", sa.String(15), comment="of the first, on later attempts"),
        sa.Column("first_effective", sa.String(10), comment="of the first presentation"),
        sa.Column("account_ref", sa.String(80), nullable=False, comment="account@version"),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("trace", sa.String(15)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("returned_code", sa.String(4)),
        sa.PrimaryKeyConstraint("run", "number"),
        schema="settlement",
    )


def _run_position() -> None:
    op.create_table(
        "run_position",
        sa.Column("run", sa.String(128), nullable=False),
        sa.Column("location", sa.String(64), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("moved", sa.BigInteger, nullable=False),
        sa.Column("carried", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("run", "location"),
        schema="settlement",
    )


def _indexes() -> None:
    op.create_index("item_by_run", "item", ["run"], schema="settlement")
    op.create_index("item_by_state", "item", ["currency", "state"], schema="settlement")
    op.create_index("item_by_use", "item", ["reverses"], schema="settlement")
    op.create_index("owed_by_state", "owed", ["currency", "state"], schema="settlement")
    op.create_index(
        "run_unfiled_once",
        "run",
        ["currency"],
        unique=True,
        schema="settlement",
        postgresql_where=sa.text(UNFILED),
    )
    op.create_index("entry_by_trace", "run_entry", ["trace"], schema="settlement")
