"""A line without its journal is refused once for all lines of a statement, not line by line."""

from alembic import op

revision = "0007_lines_by_statement"
down_revision = "0006_reports"
branch_labels = None
depends_on = None

# A foreign key asks for every line, which is a third of what PostgreSQL does for a journal; the
# statement's look at its own lines, which is there for the balance, asks for all at once. Nothing
# is ever taken out of `journal`, so there is no other side. The settings keep a plan that was made
# while the table was small from reading all of it when it is large.
FUNCTION = """
CREATE OR REPLACE FUNCTION ledger.refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE broken bigint;
BEGIN
    SELECT journal_id INTO broken FROM inserted
    GROUP BY journal_id HAVING sum(debit) <> sum(credit) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % does not balance', broken USING ERRCODE = 'check_violation';
    END IF;
    SELECT one.journal_id INTO broken FROM (SELECT DISTINCT journal_id FROM inserted) one
    WHERE NOT EXISTS (SELECT FROM ledger.journal known WHERE known.id = one.journal_id) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'there is no journal %', broken USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Make it."""
    op.execute(FUNCTION)
    op.drop_constraint(
        "journal_line_journal_id_fkey", "journal_line", schema="ledger", type_="foreignkey"
    )
