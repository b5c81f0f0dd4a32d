"""A database from a backup: what its outboxes do, and which copies may be put back."""

from pathlib import Path

import pytest
from sqlalchemy import delete, update

from schemas.topics import LEDGER_OPERATIONS, REDEMPTION_EVENTS
from services.ledger.operations import Order, close_period
from services.runtime.copying import NotOfStateError, load, save
from services.runtime.outbox_table import operation, outbox, outbox_head
from services.runtime.settings import Settings
from services.stories.world import World
from tests.replayed import begun, story, terms


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


@pytest.mark.parametrize("put", [save, load])
def test_only_state_is_copied_by_partition_for_readers_of_facts_count_by_offset(
    put: object, tmp_path: Path
) -> None:
    assert callable(put)
    with pytest.raises(NotOfStateError, match=REDEMPTION_EVENTS.name):
        put(Settings(), REDEMPTION_EVENTS.name, 0, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
