"""A database from a backup: what its outboxes do, and which copies may be put back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from schemas.topics import LEDGER_OPERATIONS, REDEMPTION_EVENTS
from services.ledger.operations import Order, close_period
from services.ledger.sink import LedgerSink
from services.ledger.tables import METADATA, account_state
from services.runtime.copying import NotOfStateError, load, save
from services.runtime.crash import NoCrash
from services.runtime.outbox_table import operation, outbox, outbox_head
from services.runtime.settings import Settings
from services.runtime.sink_loop import QUIET_SECONDS_MAX, SinkLoop
from services.stories.world import World
from tests.replayed import begun, play, story, terms


def close(world: World, name: str, until: str) -> None:
    with world.engine.begin() as connection:
        close_period(connection, Order(name, "ann"), "E1", until, terms(world.log))
    world.settle()


def told(world: World) -> int:
    return sum(
        len(world.log.read(LEDGER_OPERATIONS.name, number, 0, 100)[0])
        for number in range(world.partitions)
    )


def test_a_fact_appended_after_a_restoration_leaves_though_its_position_was_used_before() -> None:
    world = World(story().begins, "America/New_York")
    begun(world)
    for month in ("01", "02", "03"):
        close(world, f"close-{month}", f"2026-{month}-28")
    assert told(world) == 3
    with world.engine.begin() as connection:
        connection.execute(delete(outbox))
        connection.execute(delete(operation))
        connection.execute(update(outbox_head).values(position=0))
    world.restart()
    world.settle()
    close(world, "close-04", "2026-04-30")
    assert told(world) == 4
    world.close()


def test_a_machine_whose_clock_is_behind_takes_no_time_back_in_the_log() -> None:
    world = World(story().begins, "America/New_York")
    begun(world)
    under = terms(world.log)
    for name, now in (("early", under.now), ("late", under.now - 20_000)):
        with world.engine.begin() as connection:
            order, asked = Order(name, "ann"), replace(under, now=now)
            close_period(connection, order, "E1", f"2026-0{1 + (name == 'late')}-28", asked)
            connection.execute(update(outbox).values(subject="close"))  # one partition for both
    world.settle()
    times = [
        record.timestamp
        for number in range(world.partitions)
        for record in world.log.read(LEDGER_OPERATIONS.name, number, 0, 100)[0]
    ]
    assert times == [under.now, under.now]
    world.close()


def test_a_quiet_sink_notices_that_its_database_lost_what_it_had_acknowledged() -> None:
    world = World(story().begins, "America/New_York")
    play(world)
    clock = [0.0]
    loop = SinkLoop(
        LedgerSink(), world.engine, world.log, "0", crash=NoCrash(), seconds=lambda: clock[0]
    )
    _until_still(loop)
    before = _states(world)
    assert before
    with world.engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(delete(table))
    _until_still(loop)
    assert _states(world) == []
    clock[0] = QUIET_SECONDS_MAX
    loop.tick()
    _until_still(loop)
    assert _states(world) == before
    world.close()


def _until_still(loop: SinkLoop) -> None:
    while loop.tick() or not loop.ready():
        pass


def _states(world: World) -> list[Any]:
    with world.engine.connect() as connection:
        state = account_state.c
        columns = (state.account, state.state, state.ledger_minor, state.changed_at)
        return list(connection.execute(select(*columns).order_by(state.account)))


@pytest.mark.parametrize("put", [save, load])
def test_only_state_is_copied_by_partition_for_readers_of_facts_count_by_offset(
    put: object, tmp_path: Path
) -> None:
    assert callable(put)
    with pytest.raises(NotOfStateError, match=REDEMPTION_EVENTS.name):
        put(Settings(), REDEMPTION_EVENTS.name, 0, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
