"""The database as one process has it: away, cut off before the commit, or silent after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from tests.simulation.faults import AWAY, CUT, FORGOTTEN, KILL_AFTER, LOST, Killed
from tests.simulation.seat import Seat


class FaultyTables:
    """Stands where a SQLAlchemy engine stands; what it does not say, the engine does."""

    def __init__(self, engine: Engine, seat: Seat) -> None:
        self._engine = engine
        self._seat = seat

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that may fail to begin or to commit, or commit and not say so.

        Or it says so and is gone: a standby took over, or the disk had lied.
        """
        fault = self._seat.at("database")
        if fault == AWAY:
            raise _lost("refused")
        with self._engine.connect() as connection, connection.begin() as transaction:
            yield connection
            if fault == CUT:
                raise _lost("cut off before the commit")
            if fault == FORGOTTEN:
                transaction.rollback()
        if fault == LOST:
            raise _lost("cut off after the commit")
        if fault == KILL_AFTER:
            raise Killed("after the database's commit")

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection, if the database is there."""
        if self._seat.at("database") in (AWAY, CUT, LOST):
            raise _lost("refused")
        with self._engine.connect() as connection:
            yield connection


def _lost(what: str) -> OperationalError:
    return OperationalError(f"connection {what}", {}, Exception(what))
