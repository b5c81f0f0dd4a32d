"""The schema `directory`: what a secret leads to, and the batches that secrets are made for.

No secret is in it: identifiers are HMAC-SHA256 under a pepper, PINs Argon2id of a peppered PIN, and
what is printed is sealed under a key of its batch, which is wrapped under one from the settings.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

METADATA: Final = MetaData(schema="directory")

SECRETS: Final = Table(
    "secrets",
    METADATA,
    Column("digest", String(64), primary_key=True, comment="HMAC-SHA256 of the identifier"),
    Column("pepper", Integer, nullable=False, comment="version of the pepper"),
    Column("kind", String(16), nullable=False, comment="code, number, barcode, track or qr"),
    Column("template", String(64), nullable=False),
    Column("last4", String(4), nullable=False, comment="what may be shown of it"),
    Column("account", String(128), nullable=False),
    Index("secrets_of_account", "account"),
    Index("secrets_by_pepper", "pepper"),
)
PINS: Final = Table(
    "pins",
    METADATA,
    Column("account", String(128), primary_key=True),
    Column("hash", String(200), nullable=False, comment="Argon2id of the peppered PIN"),
    Column("pepper", Integer, nullable=False, comment="version of the pepper"),
    Column("wrong", Integer, nullable=False, comment="wrong tries in a row"),
    Column("locked_until", BigInteger, nullable=False, comment="ms UTC; 0: not locked"),
)
TEMPLATES: Final = Table(
    "templates",
    METADATA,
    Column("template", String(64), primary_key=True),
    Column("claimed", BigInteger, nullable=False, comment="identifiers made or promised"),
)
BATCHES: Final = Table(
    "batches",
    METADATA,
    Column("batch", String(128), primary_key=True),
    Column("kind", String(16), nullable=False, comment="prepared or imported"),
    Column("content", String(64), comment="HMAC-SHA256 of what was asked for, if imported"),
    Column("programme", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("cards", Integer, nullable=False, comment="how many"),
    Column("value", BigInteger, comment="minor units, where every card is made for one value"),
    Column("templates", JSON, nullable=False, comment="{name: template} as it was"),
    Column("place", JSON, nullable=False, comment="place of its commands"),
    Column("wrapped", LargeBinary, comment="the print file's key, sealed under the settings'"),
    Column("made_at", BigInteger, nullable=False, comment="ms UTC"),
)
CHUNKS: Final = Table(
    "chunks",
    METADATA,
    Column("batch", String(128), primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False, comment="from 0"),
    Column("first", Integer, nullable=False, comment="number of its first card"),
    Column("cards", Integer, nullable=False, comment="how many"),
    Column("state", String(16), nullable=False, comment="planned, pressed or told"),
    Column("sealed", LargeBinary, comment="its part of the print file"),
)
TELLINGS: Final = Table(
    "tellings",
    METADATA,
    Column("batch", String(128), primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False, comment="refused attempts before this one"),
    Column("state", String(16), nullable=False, comment="open, accepted or refused"),
    Column("reason", String(64), comment="why it was refused last"),
)
CARDS: Final = Table(
    "cards",
    METADATA,
    Column("batch", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="from 1"),
    Column("chunk", Integer, nullable=False),
    Column("partition", Integer, nullable=False, comment="of the command that tells of it"),
    Column("account", String(128), nullable=False),
    Column("last4", String(4), nullable=False),
    Column("value", BigInteger, comment="opening balance in minor units, if imported"),
    Column("sold_at", BigInteger, comment="ms UTC, if imported"),
    Column("expires_at", BigInteger, comment="ms UTC, if imported and known"),
    UniqueConstraint("account", name="cards_account_once"),
    Index("cards_of_chunk", "batch", "chunk", "number"),
)
REKEYED: Final = Table(
    "rekeyed",
    METADATA,
    Column("batch", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="of the card"),
    Column("life", Integer, nullable=False, comment="the card's, which the new secret is for"),
    Column("last4", String(4), nullable=False, comment="what may be shown of it"),
    Column("wrapped", LargeBinary, nullable=False, comment="key of its print file, sealed"),
    Column("sealed", LargeBinary, nullable=False, comment="the card with its new secret"),
)
