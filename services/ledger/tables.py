"""The PostgreSQL schema `ledger`: books, and the state and history of accounts and cards.

Amounts are minor units, instants milliseconds UTC, days ISO. `journal` and `journal_line` are only
ever inserted; on PostgreSQL triggers see to that, and to the balance (the migration makes them).
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from services.runtime.progress import progress_table

METADATA = MetaData(schema="ledger")
# SQLite counts rows by itself only in a column that is exactly INTEGER PRIMARY KEY.
_KEY = BigInteger().with_variant(Integer, "sqlite")

journal = Table(
    "journal",
    METADATA,
    Column("id", _KEY, Identity(), primary_key=True),
    Column("journal", String(36), nullable=False, comment="id of the journal as published"),
    Column("fact", String(36), nullable=False, comment="id of the fact it follows from"),
    Column("entity", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("date", String(10), nullable=False, comment="posting day"),
    Column("business_date", String(10), nullable=False),
    Column("event", String(64), nullable=False, comment="the fact's type without version"),
    Column("fact_topic", String(128), nullable=False),
    Column("policy", Integer, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("content", String(64), nullable=False, comment="SHA-256 of entity, date, lines, …"),
    UniqueConstraint("journal", name="journal_once"),
    UniqueConstraint("fact", "entity", name="journal_of_fact_once"),
    Index("journal_by_day", "entity", "date"),
)
journal_line = Table(
    "journal_line",
    METADATA,
    Column("journal_id", _KEY, ForeignKey("ledger.journal.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="from 1"),
    Column("account", String(32), nullable=False, comment="number in the chart in use"),
    Column("debit", BigInteger, nullable=False),
    Column("credit", BigInteger, nullable=False),
    Column("location", String(64)),
    Column("channel", String(64)),
    Column("programme", String(64)),
    Column("cohort", String(16)),
    Column("counterparty", String(64), comment="the other entity"),
    Column("subject", String(160), comment="card or credit account"),
    Column("origin", String(16)),
    Column("standard", String(32), comment="number in the standard chart, where it differs"),
    CheckConstraint(
        "debit >= 0 AND credit >= 0 AND (debit = 0) <> (credit = 0)", name="line_has_one_side"
    ),
    Index("line_by_subject", "subject"),
)
account_state = Table(
    "account_state",
    METADATA,
    Column("id", _KEY, Identity(), primary_key=True),
    Column("account", String(160), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("programme", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("life", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("frozen", Boolean, nullable=False),
    Column("ledger_minor", BigInteger, nullable=False, comment="added up from facts"),
    Column("held_minor", BigInteger, nullable=False, comment="added up from facts"),
    Column("stated_ledger_minor", BigInteger, nullable=False, comment="as the last fact says"),
    Column("stated_held_minor", BigInteger, nullable=False, comment="as the last fact says"),
    Column("holds", JSON, nullable=False, comment="{hold: minor reserved}"),
    Column("events", BigInteger, nullable=False, comment="facts so far"),
    Column("opened_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    UniqueConstraint("account", name="account_once"),
)
account_event = Table(
    "account_event",
    METADATA,
    Column("id", _KEY, Identity(), primary_key=True),
    Column("fact", String(36), nullable=False),
    Column("account", String(160), nullable=False, comment="card or credit account"),
    Column("type", String(64), nullable=False, comment="the fact's type without version"),
    Column("at", BigInteger, nullable=False),
    Column("business_date", String(10), nullable=False),
    Column("programme", String(64), nullable=False),
    Column("currency", String(3)),
    Column("state", String(16), nullable=False, comment="after it"),
    Column("ledger_change", BigInteger, nullable=False),
    Column("held_change", BigInteger, nullable=False),
    Column("ledger_after", BigInteger, nullable=False),
    Column("held_after", BigInteger, nullable=False),
    Column("location", String(64), nullable=False),
    Column("entity", String(64), nullable=False),
    Column("channel", String(64)),
    Column("register", String(200)),
    Column("staff", String(200)),
    Column("receipt", String(200)),
    Column("reference", String(160), comment="hold, capture, sale, return or other account"),
    Column("order", String(128)),
    Column("reason", String(200)),
    Column("note", String(200)),
    Column("lines", JSON, comment="the receipt's lines: line, category, amount, covered"),
    UniqueConstraint("fact", name="account_event_once"),
    Index("event_by_account", "account", "id"),
)
card_state = Table(
    "card_state",
    METADATA,
    Column("id", _KEY, Identity(), primary_key=True),
    Column("card", String(128), nullable=False),
    Column("last4", String(4)),
    Column("programme", String(64), nullable=False),
    Column("batch", String(128)),
    Column("currency", String(3)),
    Column("state", String(16), nullable=False, comment="as stock; once sold see account_state"),
    Column("life", Integer, nullable=False),
    Column("value_minor", BigInteger, comment="denomination"),
    Column("price_minor", BigInteger),
    Column("tender", String(64)),
    Column("sale", String(128)),
    Column("sold_at", BigInteger),
    Column("sold_location", String(64)),
    Column("sold_entity", String(64)),
    Column("sold_channel", String(64)),
    Column("sold_register", String(200)),
    Column("shipped_to", String(64)),
    Column("prepared_at", BigInteger),
    Column("changed_at", BigInteger, nullable=False),
    UniqueConstraint("card", name="card_once"),
)
member = Table(
    "member",
    METADATA,
    Column("id", _KEY, Identity(), primary_key=True),
    Column("kind", String(16), nullable=False, comment="location, channel, gl_account, …"),
    Column("name", String(64), nullable=False),
    Column("of", String(64), comment="a location's entity; a remapped account's standard number"),
    UniqueConstraint("kind", "name", name="member_once"),
)
progress = progress_table(METADATA)
