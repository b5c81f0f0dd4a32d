"""Texts as long as they may be: a plan before its note, an owner and an account with `+credit`.

And who approved, and the case of a freeze, in histories.
"""

import sqlalchemy as sa
from alembic import op

from deploy.migrations.reader import GRANT_BI
from deploy.migrations.views_0004.dimensions import DIMENSIONS
from deploy.migrations.views_0004.facts import FACTS
from deploy.migrations.views_0004.marts import MARTS
from deploy.migrations.views_0006.certificates import CERTIFICATES
from deploy.migrations.views_0006.credit import CREDIT
from deploy.migrations.views_0006.settling import SETTLING
from deploy.migrations.views_0006.uses import USES
from deploy.migrations.views_0008.breakage import BREAKAGE
from deploy.migrations.views_0012.activity import ACTIVITY

revision = "0012_wider"
down_revision = "0011_carried_by_entity"
branch_labels = None
depends_on = None

# As they stand before this revision, in the order in which they can be made; a column that a view
# reads cannot change its type under it.
BEFORE = (*DIMENSIONS, *FACTS, *MARTS, *CERTIFICATES, *USES, *CREDIT, *SETTLING, *BREAKAGE)
VIEWS = tuple({view.name: view for view in (*BEFORE, *ACTIVITY)}.values())
WIDER = (
    ("ledger", "account_event", "note", 200, 300),
    ("ledger", "account_state", "owner", 128, 160),
    ("settlement", "item", "account", 128, 160),
)


def upgrade() -> None:
    """Make it."""
    for view in reversed(VIEWS):
        op.execute(f"DROP VIEW bi.{view.name}")
    for schema, table, column, before, after in WIDER:
        op.alter_column(
            table,
            column,
            schema=schema,
            existing_type=sa.String(before),
            type_=sa.String(after),
        )
    op.alter_column(
        "account_event",
        "note",
        schema="ledger",
        existing_type=sa.String(300),
        comment="of membership credit with its plan before it",
    )
    _say_more()
    for view in VIEWS:
        view.create()
    op.execute(GRANT_BI)


def _say_more() -> None:
    """Rows that are there say '' in new columns: not that there was nobody, but nothing of it."""
    for name, comment in (
        ("approved_by", "the second person; '' in rows older than this"),
        ("case", "of a freeze; '' in rows older than this"),
    ):
        column = sa.Column(name, sa.String(200), server_default="", comment=comment)
        op.add_column("account_event", column, schema="ledger")
        op.alter_column("account_event", name, schema="ledger", server_default=None)
