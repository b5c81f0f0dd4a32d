"""Of a batch the press makes, its row says all that was asked: only imports need a fingerprint."""

import sqlalchemy as sa
from alembic import op

revision = "0010_content_of_imports"
down_revision = "0009_rekeyed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.alter_column(
        "batches",
        "content",
        schema="directory",
        existing_type=sa.String(64),
        nullable=True,
        existing_comment="HMAC-SHA256 of what was asked for",
        comment="HMAC-SHA256 of what was asked for, if imported",
    )
