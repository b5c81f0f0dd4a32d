"""The reports of both trades as views, and what histories must say for them."""

import sqlalchemy as sa
from alembic import op

from deploy.migrations.reader import GRANT_BI
from deploy.migrations.views_0006.certificates import CERTIFICATES
from deploy.migrations.views_0006.credit import CREDIT
from deploy.migrations.views_0006.settling import SETTLING
from deploy.migrations.views_0006.uses import USES

revision = "0006_reports"
down_revision = "0005_directory"
branch_labels = None
depends_on = None

VIEWS = (*CERTIFICATES, *USES, *CREDIT, *SETTLING)


def upgrade() -> None:
    """Make it."""
    for column in (
        sa.Column("origin", sa.String(16), comment="how value came in"),
        sa.Column("tender", sa.String(64), comment="paid with, or paid back with"),
        sa.Column("value_minor", sa.BigInteger(), comment="denomination sold or prepared"),
        sa.Column("price_minor", sa.BigInteger(), comment="what was paid for it, or paid back"),
    ):
        op.add_column("account_event", column, schema="ledger")
    for column in (
        sa.Column("owner_kind", sa.String(8), comment="of store credit: customer, company or card"),
        sa.Column("owner", sa.String(128)),
    ):
        op.add_column("account_state", column, schema="ledger")
    op.alter_column(
        "account_event",
        "lines",
        schema="ledger",
        existing_type=sa.JSON(),
        comment="the receipt's lines: line, category, amount, covered, …",
    )
    for view in VIEWS:
        view.create()
    op.execute(GRANT_BI)
