"""The role that reads reports: views of `bi` and nothing else, never long, never writing."""

from typing import Final

# Roles belong to the cluster: another database may have made it, or nobody here may.
GRANT_BI: Final = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bi_reader') THEN
        GRANT SELECT ON ALL TABLES IN SCHEMA bi TO bi_reader;
        ALTER ROLE bi_reader SET default_transaction_read_only = on;
        ALTER ROLE bi_reader SET statement_timeout = '60s';
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'the settings of role bi_reader may not be made by this user';
END $$;
"""
