"""A database from a backup: what its outboxes do, and which copies may be put back."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, cast

import orjson
import pytest
from sqlalchemy import Engine, delete, select, update

from schemas.topics import LEDGER_JOURNALS, LEDGER_OPERATIONS, REDEMPTION_EVENTS
from services.ledger.operations import Order, close_period
from services.ledger.sink import LedgerSink
from services.ledger.tables import METADATA, account_state, journal
from services.runtime import sink_loop
from services.runtime.copying import NotOfStateError, load, save
from services.runtime.crash import NoCrash
from services.runtime.outbox_table import operation, outbox, outbox_head
from services.runtime.settings import Settings
from services.runtime.sink_loop import QUIET_SECONDS_MAX, SinkLoop
from services.runtime.sinks import position_of
from services.stories.world import World
from tests.replayed import begun, play, story, terms
from tests.simulation.faults import FORGOTTEN
from tests.simulation.faulty_log import FaultyLog
from tests.simulation.faulty_tables import FaultyTables
from tests.simulation.seat import Seat
from tests.simulation.town import Planned


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
    _emptied(world)
    _until_still(loop)
    assert _states(world) == []
    clock[0] = QUIET_SECONDS_MAX
    loop.tick()
    _until_still(loop)
    assert _states(world) == before
    world.close()


def test_a_busy_sink_notices_that_its_database_lost_what_it_had_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sink_loop, "RECORDS_MAX", 1)
    world = World(story().begins, "America/New_York")
    play(world)
    _emptied(world)
    faults = Planned()
    seat = Seat(FaultyLog(1, Random(0), int), faults, "sink")
    tables = cast(Engine, FaultyTables(world.engine, seat))
    sink = LedgerSink()
    loop = SinkLoop(sink, tables, world.log, "0", crash=NoCrash())
    partition, offset = _last_of_an_input(world)
    while position_of(world.engine, sink, LEDGER_JOURNALS, partition) < offset or not loop.ready():
        assert loop.tick() or not loop.ready()
    faults.plan["database"] = FORGOTTEN
    _until_still(loop)
    with world.engine.connect() as connection:
        posted = set(connection.execute(select(journal.c.journal)).scalars())
    assert posted == {
        orjson.loads(record.value or b"")["id"]
        for number in range(world.partitions)
        for record in world.log.read(LEDGER_JOURNALS.name, number, 0, 1_000)[0]
    }
    world.close()


def _emptied(world: World) -> None:
    with world.engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(delete(table))


def _last_of_an_input(world: World) -> tuple[int, int]:
    """Where a sink is before a journal behind which only those of other inputs stand."""
    for number in range(world.partitions):
        records = world.log.read(LEDGER_JOURNALS.name, number, 0, 1_000)[0]
        inputs = [orjson.loads(record.value or b"")["input"] for record in records]
        for at in range(1, len(inputs) - 1):
            if inputs[at] not in inputs[at + 1 :]:
                return number, records[at - 1].offset + 1
    raise AssertionError("every partition of the story ends with the input it has throughout")


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
