"""Operations keep what they told, so that they can be read back from the log and gone on from."""

import sqlalchemy as sa
from alembic import op

from deploy.migrations.reader import GRANT_BI
from deploy.migrations.views_0008.breakage import BREAKAGE

revision = "0008_read_back"
down_revision = "0007_lines_by_statement"
branch_labels = None
depends_on = None

# What was executed before this revision told it by the outbox, which still has it.
TOLD = """
UPDATE operations.operation SET told = outbox.body
FROM operations.outbox
WHERE outbox.subject = operation.id
    AND outbox.type IN ('breakage_recognized.v1', 'period_closed.v1')
"""


def upgrade() -> None:
    """Make it."""
    told = sa.Column("told", sa.JSON(), comment="the fact's body, where one fact tells all of it")
    op.add_column("operation", told, schema="operations")
    op.execute(TOLD)
    op.execute("DROP VIEW bi.mart_breakage_run")
    for view in BREAKAGE:
        view.create()
    op.execute(GRANT_BI)
