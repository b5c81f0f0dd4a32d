"""What is carried is an entity's: a location that changes hands leaves it behind."""

import sqlalchemy as sa
from alembic import op

revision = "0011_carried_by_entity"
down_revision = "0010_content_of_imports"
branch_labels = None
depends_on = None

# Runs said whose it was: their positions, from when they took effect.
WHOSE = """
    INSERT INTO settlement.carried (location, entity, currency, amount)
    SELECT p.location, p.entity, r.currency, sum(p.carried - p.before)
    FROM settlement.run_position p JOIN settlement.run r ON r.run = p.run
    WHERE r.state IN ('filed', 'transmitted', 'settled', 'closed')
    GROUP BY p.location, p.entity, r.currency
"""


def upgrade() -> None:
    """Make it."""
    op.drop_table("carried", schema="settlement")
    op.create_table(
        "carried",
        sa.Column("location", sa.String(64), nullable=False),
        sa.Column(
            "entity", sa.String(64), nullable=False, comment="the location's when it was carried"
        ),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("location", "entity", "currency"),
        schema="settlement",
    )
    op.execute(WHOSE)
