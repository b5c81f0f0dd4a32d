"""The schema `ledger`: books, states and histories; the books are insert-only and balance."""

import sqlalchemy as sa
from alembic import op

revision = "0002_ledger"
down_revision = "0001_operations"
branch_labels = None
depends_on = None

# One look at the statement's lines: 6 % of the load; a deferred trigger per line costs 38 %.
BALANCES = """
CREATE FUNCTION ledger.refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE broken bigint;
BEGIN
    SELECT journal_id INTO broken FROM inserted
    GROUP BY journal_id HAVING sum(debit) <> sum(credit) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % does not balance', broken USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_balances AFTER INSERT ON ledger.journal_line
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_unbalanced();
"""
INSERT_ONLY = """
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger.% is only ever inserted; correct a journal by another', TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.journal
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.journal_line
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
"""


def upgrade() -> None:
    """Make it."""
    op.execute("CREATE SCHEMA ledger")
    _journal()
    _journal_line()
    _account_state()
    _account_event()
    _card_state()
    _member()
    _progress()
    op.execute(BALANCES)
    op.execute(INSERT_ONLY)


def _account_event() -> None:
    op.create_table(
        "account_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("fact", sa.String(36), nullable=False),
        sa.Column("account", sa.String(160), nullable=False, comment="card or credit account"),
        sa.Column("type", sa.String(64), nullable=False, comment="the fact's type without version"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("business_date", sa.String(10), nullable=False),
        sa.Column("programme", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3)),
        sa.Column("state", sa.String(16), nullable=False, comment="after it"),
        sa.Column("ledger_change", sa.BigInteger(), nullable=False),
        sa.Column("held_change", sa.BigInteger(), nullable=False),
        sa.Column("ledger_after", sa.BigInteger(), nullable=False),
        sa.Column("held_after", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.String(64), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(64)),
        sa.Column("register", sa.String(200)),
        sa.Column("staff", sa.String(200)),
        sa.Column("receipt", sa.String(200)),
        sa.Column(
            "reference", sa.String(160), comment="hold, capture, sale, return or other account"
        ),
        sa.Column("order", sa.String(128)),
        sa.Column("reason", sa.String(200)),
        sa.Column("note", sa.String(200)),
        sa.Column(
            "lines", sa.JSON(), comment="the receipt's lines: line, category, amount, covered"
        ),
        sa.UniqueConstraint("fact", name="account_event_once"),
        schema="ledger",
    )
    op.create_index("event_by_account", "account_event", ["account", "id"], schema="ledger")


def _account_state() -> None:
    op.create_table(
        "account_state",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("account", sa.String(160), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("programme", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("ledger_minor", sa.BigInteger(), nullable=False, comment="added up from facts"),
        sa.Column("held_minor", sa.BigInteger(), nullable=False, comment="added up from facts"),
        sa.Column(
            "stated_ledger_minor", sa.BigInteger(), nullable=False, comment="as the last fact says"
        ),
        sa.Column(
            "stated_held_minor", sa.BigInteger(), nullable=False, comment="as the last fact says"
        ),
        sa.Column("holds", sa.JSON(), nullable=False, comment="{hold: minor reserved}"),
        sa.Column("events", sa.BigInteger(), nullable=False, comment="facts so far"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("account", name="account_once"),
        schema="ledger",
    )


def _card_state() -> None:
    op.create_table(
        "card_state",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("card", sa.String(128), nullable=False),
        sa.Column("last4", sa.String(4)),
        sa.Column("programme", sa.String(64), nullable=False),
        sa.Column("batch", sa.String(128)),
        sa.Column("currency", sa.String(3)),
        sa.Column(
            "state", sa.String(16), nullable=False, comment="as stock; once sold see account_state"
        ),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), comment="denomination"),
        sa.Column("price_minor", sa.BigInteger()),
        sa.Column("tender", sa.String(64)),
        sa.Column("sale", sa.String(128)),
        sa.Column("sold_at", sa.BigInteger()),
        sa.Column("sold_location", sa.String(64)),
        sa.Column("sold_entity", sa.String(64)),
        sa.Column("sold_channel", sa.String(64)),
        sa.Column("sold_register", sa.String(200)),
        sa.Column("shipped_to", sa.String(64)),
        sa.Column("prepared_at", sa.BigInteger()),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("card", name="card_once"),
        schema="ledger",
    )


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column(
            "journal", sa.String(36), nullable=False, comment="id of the journal as published"
        ),
        sa.Column("fact", sa.String(36), nullable=False, comment="id of the fact it follows from"),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("date", sa.String(10), nullable=False, comment="posting day"),
        sa.Column("business_date", sa.String(10), nullable=False),
        sa.Column(
            "event", sa.String(64), nullable=False, comment="the fact's type without version"
        ),
        sa.Column("fact_topic", sa.String(128), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column(
            "content", sa.String(64), nullable=False, comment="SHA-256 of entity, date, lines, …"
        ),
        sa.UniqueConstraint("fact", "entity", name="journal_of_fact_once"),
        sa.UniqueConstraint("journal", name="journal_once"),
        schema="ledger",
    )
    op.create_index("journal_by_day", "journal", ["entity", "date"], schema="ledger")


def _member() -> None:
    op.create_table(
        "member",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column(
            "kind", sa.String(16), nullable=False, comment="location, channel, gl_account, …"
        ),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column(
            "of", sa.String(64), comment="a location's entity; a remapped account's standard number"
        ),
        sa.UniqueConstraint("kind", "name", name="member_once"),
        schema="ledger",
    )


def _progress() -> None:
    op.create_table(
        "progress",
        sa.Column("sink", sa.String(64), primary_key=True),
        sa.Column("topic", sa.String(128), primary_key=True, comment="without namespace"),
        sa.Column("partition", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("sequences", sa.JSON(), nullable=False, comment="{input topic: last sequence}"),
        sa.Column("chains", sa.JSON(), nullable=False, comment="{input topic: SHA-256 chain, hex}"),
        sa.Column("fact_time", sa.BigInteger(), nullable=False, comment="ms UTC of the last fact"),
        schema="ledger",
    )


def _journal_line() -> None:
    op.create_table(
        "journal_line",
        sa.Column(
            "journal_id", sa.BigInteger(), sa.ForeignKey("ledger.journal.id"), primary_key=True
        ),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False, comment="from 1"),
        sa.Column("account", sa.String(32), nullable=False, comment="number in the chart in use"),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.String(64)),
        sa.Column("channel", sa.String(64)),
        sa.Column("programme", sa.String(64)),
        sa.Column("cohort", sa.String(16)),
        sa.Column("counterparty", sa.String(64), comment="the other entity"),
        sa.Column("subject", sa.String(160), comment="card or credit account"),
        sa.Column("origin", sa.String(16)),
        sa.Column(
            "standard", sa.String(32), comment="number in the standard chart, where it differs"
        ),
        sa.CheckConstraint(
            "debit >= 0 AND credit >= 0 AND (debit = 0) <> (credit = 0)", name="line_has_one_side"
        ),
        schema="ledger",
    )
    op.create_index("line_by_subject", "journal_line", ["subject"], schema="ledger")
