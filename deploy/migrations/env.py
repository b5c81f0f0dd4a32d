"""What Alembic runs: the revisions, on the connection that `run.upgrade` hands over."""

from alembic import context

# All revisions of one upgrade stand or fall together; PostgreSQL can undo DDL.
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
