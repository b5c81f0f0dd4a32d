"""Brings a database to the newest schema; the one door to the migrations."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import InternalError

# Any number, the same for everyone: two who start at once take turns.
_LOCK: Final = 7_140_926_551
NEWEST: Final = "head"
_TRIES_MAX: Final = 10


def upgrade(url: str, revision: str = NEWEST) -> None:
    """Run what is missing, in one transaction, on a PostgreSQL SQLAlchemy URL."""
    engine = create_engine(url)
    try:
        for left in reversed(range(_TRIES_MAX)):
            try:
                _upgrade(engine, revision)
            except InternalError as error:
                # Roles belong to the whole server: another database's upgrade altered ours.
                if not left or "concurrently updated" not in str(error):
                    raise
            else:
                return
    finally:
        engine.dispose()


def _upgrade(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(_config(connection), revision)


def newest() -> str:
    """The newest revision there is. Raises if two of them claim to be it."""
    head = ScriptDirectory(str(_FOLDER)).get_current_head()
    assert head is not None
    return head


_FOLDER: Final = Path(__file__).resolve().parent


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
