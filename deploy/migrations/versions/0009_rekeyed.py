"""Cards that came back to stock and were given a new secret: it is kept sealed for the printer."""

import sqlalchemy as sa
from alembic import op

revision = "0009_rekeyed"
down_revision = "0008_read_back"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "rekeyed",
        sa.Column("batch", sa.String(128), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False, comment="of the card"),
        sa.Column(
            "life", sa.Integer, nullable=False, comment="the card's, which the new secret is for"
        ),
        sa.Column("last4", sa.String(4), nullable=False, comment="what may be shown of it"),
        sa.Column(
            "wrapped", sa.LargeBinary, nullable=False, comment="key of its print file, sealed"
        ),
        sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the card with its new secret"),
        sa.PrimaryKeyConstraint("batch", "number"),
        schema="directory",
    )
