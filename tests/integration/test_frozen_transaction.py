"""A process that is frozen in the middle of a transaction does not keep others waiting for ever."""

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.runtime.tables import open_tables

IDLE_SECONDS_MAX = 1
WAIT = "SET LOCAL lock_timeout = '20s'"
TAKE = text("UPDATE place SET next = next + 1")


def test_a_transaction_that_stands_still_is_ended_and_its_successor_goes_on(database: str) -> None:
    frozen = open_tables(database, idle_seconds_max=IDLE_SECONDS_MAX)
    successor = open_tables(database)
    with successor.begin() as connection:
        connection.execute(text("CREATE TABLE place (next integer)"))
        connection.execute(text("INSERT INTO place VALUES (0)"))
    with frozen.connect() as held:
        held.execute(TAKE)  # and then nothing more, as if the process had been stopped here
        began = time.monotonic()
        with successor.begin() as connection:
            connection.execute(text(WAIT))
            connection.execute(TAKE)
        assert time.monotonic() - began >= IDLE_SECONDS_MAX / 2
        with pytest.raises(DBAPIError) as woken:
            held.execute(TAKE)
        # What a sink takes for a database that was away: it asks anew where it is.
        assert woken.value.connection_invalidated
        held.invalidate()
    with successor.connect() as connection:
        assert connection.execute(text("SELECT next FROM place")).scalar_one() == 1
    frozen.dispose()
    successor.dispose()
