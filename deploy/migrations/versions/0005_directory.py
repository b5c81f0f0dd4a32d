"""The schema `directory`: digests of secrets, PINs, and the batches that secrets are made for."""

import sqlalchemy as sa
from alembic import op

revision = "0005_directory"
down_revision = "0004_bi"
branch_labels = None
depends_on = None

SCHEMA = "directory"


def upgrade() -> None:
    """Make it."""
    op.execute("CREATE SCHEMA directory")
    _secrets()
    _pins()
    _templates()
    _batches()
    _chunks()
    _tellings()
    _cards()
    _indexes()


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("digest", sa.String(64), nullable=False, comment="HMAC-SHA256 of the identifier"),
        sa.Column("pepper", sa.Integer, nullable=False, comment="version of the pepper"),
        sa.Column(
            "kind", sa.String(16), nullable=False, comment="code, number, barcode, track or qr"
        ),
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False, comment="what may be shown of it"),
        sa.Column("account", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        schema=SCHEMA,
    )


def _pins() -> None:
    op.create_table(
        "pins",
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("hash", sa.String(200), nullable=False, comment="Argon2id of the peppered PIN"),
        sa.Column("pepper", sa.Integer, nullable=False, comment="version of the pepper"),
        sa.Column("wrong", sa.Integer, nullable=False, comment="wrong tries in a row"),
        sa.Column("locked_until", sa.BigInteger, nullable=False, comment="ms UTC; 0: not locked"),
        sa.PrimaryKeyConstraint("account"),
        schema=SCHEMA,
    )


def _templates() -> None:
    op.create_table(
        "templates",
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("claimed", sa.BigInteger, nullable=False, comment="identifiers made or promised"),
        sa.PrimaryKeyConstraint("template"),
        schema=SCHEMA,
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("batch", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False, comment="prepared or imported"),
        sa.Column(
            "content", sa.String(64), nullable=False, comment="HMAC-SHA256 of what was asked for"
        ),
        sa.Column("programme", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("cards", sa.Integer, nullable=False, comment="how many"),
        sa.Column(
            "value", sa.BigInteger, comment="minor units, where every card is made for one value"
        ),
        sa.Column("templates", sa.JSON, nullable=False, comment="{name: template} as it was"),
        sa.Column("place", sa.JSON, nullable=False, comment="place of its commands"),
        sa.Column(
            "wrapped", sa.LargeBinary, comment="the print file's key, sealed under the settings'"
        ),
        sa.Column("made_at", sa.BigInteger, nullable=False, comment="ms UTC"),
        sa.PrimaryKeyConstraint("batch"),
        schema=SCHEMA,
    )


def _chunks() -> None:
    op.create_table(
        "chunks",
        sa.Column("batch", sa.String(128), nullable=False),
        sa.Column("chunk", sa.Integer, autoincrement=False, nullable=False, comment="from 0"),
        sa.Column("first", sa.Integer, nullable=False, comment="number of its first card"),
        sa.Column("cards", sa.Integer, nullable=False, comment="how many"),
        sa.Column("state", sa.String(16), nullable=False, comment="planned, pressed or told"),
        sa.Column("sealed", sa.LargeBinary, comment="its part of the print file"),
        sa.PrimaryKeyConstraint("batch", "chunk"),
        schema=SCHEMA,
    )


def _tellings() -> None:
    op.create_table(
        "tellings",
        sa.Column("batch", sa.String(128), nullable=False),
        sa.Column("chunk", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer, autoincrement=False, nullable=False),
        sa.Column(
            "attempt", sa.Integer, nullable=False, comment="refused attempts before this one"
        ),
        sa.Column("state", sa.String(16), nullable=False, comment="open, accepted or refused"),
        sa.Column("reason", sa.String(64), comment="why it was refused last"),
        sa.PrimaryKeyConstraint("batch", "chunk", "partition"),
        schema=SCHEMA,
    )


def _cards() -> None:
    op.create_table(
        "cards",
        sa.Column("batch", sa.String(128), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("chunk", sa.Integer, nullable=False),
        sa.Column(
            "partition", sa.Integer, nullable=False, comment="of the command that tells of it"
        ),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("value", sa.BigInteger, comment="opening balance in minor units, if imported"),
        sa.Column("sold_at", sa.BigInteger, comment="ms UTC, if imported"),
        sa.Column("expires_at", sa.BigInteger, comment="ms UTC, if imported and known"),
        sa.PrimaryKeyConstraint("batch", "number"),
        sa.UniqueConstraint("account", name="cards_account_once"),
        schema=SCHEMA,
    )


def _indexes() -> None:
    op.create_index("secrets_of_account", "secrets", ["account"], schema=SCHEMA)
    op.create_index("secrets_by_pepper", "secrets", ["pepper"], schema=SCHEMA)
    op.create_index("cards_of_chunk", "cards", ["batch", "chunk", "number"], schema=SCHEMA)
