"""The schema `bi`: views only, every one and every column explained, and who may read them."""

from alembic import op

from deploy.migrations.views_0004.dimensions import DIMENSIONS
from deploy.migrations.views_0004.facts import FACTS
from deploy.migrations.views_0004.marts import MARTS

revision = "0004_bi"
down_revision = "0003_settlement"
branch_labels = None
depends_on = None

# Roles belong to the cluster: another database may have made it, or nobody here may.
READER = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bi_reader') THEN
        CREATE ROLE bi_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING 'role bi_reader is not there and may not be made by this user';
END $$;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bi_reader') THEN
        GRANT USAGE ON SCHEMA bi TO bi_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA bi TO bi_reader;
        ALTER DEFAULT PRIVILEGES IN SCHEMA bi GRANT SELECT ON TABLES TO bi_reader;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Make it."""
    op.execute("CREATE SCHEMA bi")
    op.execute("COMMENT ON SCHEMA bi IS 'Star schema for reports; amounts in minor units'")
    for view in (*DIMENSIONS, *FACTS, *MARTS):
        view.create()
    op.execute(READER)
