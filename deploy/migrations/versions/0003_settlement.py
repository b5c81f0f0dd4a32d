"""The schema `settlement`: bank files, bank accounts, and what a person has to look at."""

import sqlalchemy as sa
from alembic import op

revision = "0003_settlement"
down_revision = "0003_settlement_runs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    _bank_account()
    _bank_account_change()
    _batch_fact()
    _exception()
    _file()
    _file_modifier()
    _trace_counter()
    _indexes()


def _bank_account() -> None:
    op.create_table(
        "bank_account",
        sa.Column("account", sa.String(64), nullable=False, comment="the policy's name for it"),
        sa.Column("version", sa.Integer, autoincrement=False, nullable=False),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="account number, AES-256-GCM"
        ),
        sa.Column(
            "fingerprint", sa.String(64), nullable=False, comment="HMAC-SHA256, finds duplicates"
        ),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("routing", sa.String(9), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("holder_type", sa.String(16), nullable=False, comment="business or consumer"),
        sa.Column(
            "state", sa.String(16), nullable=False, comment="new prenote active blocked replaced"
        ),
        sa.Column("authorisation", sa.String(16), nullable=False, comment="granted or revoked"),
        sa.PrimaryKeyConstraint("account", "version"),
        schema="settlement",
    )


def _bank_account_change() -> None:
    op.create_table(
        "bank_account_change",
        sa.Column("change", sa.String(36), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False, comment="the version it changes"),
        sa.Column("code", sa.String(8), nullable=False, comment="C01 to C07"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the corrected columns"),
        sa.Column("state", sa.String(16), nullable=False, comment="staged applied rejected"),
        sa.Column("made_by", sa.String(128), nullable=False),
        sa.Column("approved_by", sa.String(128)),
        sa.Column("staged_at", sa.BigInteger, nullable=False),
        sa.Column("due_day", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("change"),
        schema="settlement",
    )


def _batch_fact() -> None:
    op.create_table(
        "batch_fact",
        sa.Column("fact", sa.String(36), nullable=False),
        sa.Column("run", sa.String(128), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column(
            "content", sa.String(64), nullable=False, comment="SHA-256 of the fact's envelope"
        ),
        sa.PrimaryKeyConstraint("fact"),
        schema="settlement",
    )


def _exception() -> None:
    op.create_table(
        "exception",
        sa.Column("exception", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("run", sa.String(128), nullable=False),
        sa.Column("location", sa.String(64)),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("exception"),
        schema="settlement",
    )


def _file() -> None:
    op.create_table(
        "file",
        sa.Column("run", sa.String(128), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column(
            "content", sa.LargeBinary(), comment="sealed; absent when read back from the log"
        ),
        sa.Column("size", sa.Integer, nullable=False, comment="bytes"),
        sa.Column("modifier", sa.String(1)),
        sa.Column("effective", sa.String(10), nullable=False, comment="ISO day"),
        sa.Column("built_at", sa.BigInteger, nullable=False),
        sa.Column("settles_at", sa.BigInteger, nullable=False),
        sa.Column("window_ends_at", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("evidence", sa.String(200)),
        sa.PrimaryKeyConstraint("run", "number"),
        sa.UniqueConstraint("name", name="file_name_once"),
        schema="settlement",
    )


def _file_modifier() -> None:
    op.create_table(
        "file_modifier",
        sa.Column("origin", sa.String(10), nullable=False),
        sa.Column("destination", sa.String(10), nullable=False),
        sa.Column("day", sa.String(10), nullable=False, comment="bank's date"),
        sa.Column("used", sa.Integer, nullable=False, comment="files of that day so far"),
        sa.PrimaryKeyConstraint("origin", "destination", "day"),
        schema="settlement",
    )


def _trace_counter() -> None:
    op.create_table(
        "trace_counter",
        sa.Column("odfi", sa.String(8), nullable=False),
        sa.Column("next", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("odfi"),
        schema="settlement",
    )


def _indexes() -> None:
    op.create_index(
        "bank_account_by_fingerprint", "bank_account", ["fingerprint"], schema="settlement"
    )
    op.create_index(
        "change_by_account", "bank_account_change", ["account", "state"], schema="settlement"
    )
