"""A store is believed while the log still tells all that its rows lack, and no longer."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.instants import DAY, HOUR
from schemas.topics import ISSUANCE_COMMANDS
from services.issuance.worker import SPEC as ISSUANCE
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.rocks_settings import budget
from services.runtime.store import MemoryStore
from services.runtime.store_check import _checked, _line
from tests.small_world import SmallWorld
from tests.unit.runtime.warm import (
    HOME,
    Disk,
    Meanwhile,
    at_home,
    checked,
    partition,
    restart,
    sell,
)


@pytest.mark.parametrize(
    ("hours", "cause"),
    [(13, "too old to read on from"), (11, ""), (-5, ""), (-7, "ahead of this machine's clock")],
)
def test_a_store_is_believed_if_what_it_lacks_was_written_within_hours(
    world: SmallWorld, disk: Disk, capsys: pytest.CaptureFixture[str], hours: int, cause: str
) -> None:
    store = partition(world).store
    old = store.standing()
    sell(world, "s3", at_home(store))
    world.settle()
    store.reached(replace(old, known_until=world.clock.now() - hours * HOUR))
    restart(world, disk)
    assert partition(world).warm is (cause == "")
    assert cause in capsys.readouterr().out
    checked(world)


def test_a_store_that_lacks_nothing_is_believed_however_old_it_is(
    world: SmallWorld, disk: Disk
) -> None:
    world.clock.move(world.clock.now() + 90 * DAY)
    restart(world, disk)
    assert partition(world).warm
    assert partition(world).store.standing().known_until == world.clock.now()
    checked(world)


def test_a_store_is_as_old_as_the_batch_it_took_not_as_the_write(
    world: SmallWorld, disk: Disk
) -> None:
    for worker in world.workers:
        disk.kill(worker)
    began = world.clock.now()
    crash = Meanwhile("after_commit", lambda: world.clock.move(began + 2 * DAY))
    world.workers = [world.worker(ISSUANCE, crash=crash), world.worker(REDEMPTION)]
    world.settle()
    sell(world, "s3", at_home(partition(world).store))
    world.settle()
    assert world.clock.now() == began + 2 * DAY
    assert partition(world).store.standing().known_until == began


@pytest.mark.parametrize("disk", ["rocksdb"], indirect=True)
def test_a_copy_of_a_disk_is_as_old_as_what_it_copied(
    world: SmallWorld, disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for worker in world.workers:
        disk.kill(worker)
    shutil.copytree(disk.folder, tmp_path / "copy")
    world.start()
    world.settle()
    world.clock.move(world.clock.now() + DAY)
    sell(world, "s3", at_home(partition(world).store))
    world.settle()
    for worker in world.workers:
        disk.kill(worker)
    copy = Disk("rocksdb", tmp_path / "copy")
    world.store = copy
    world.start()
    world.settle()
    assert "too old to read on from" in capsys.readouterr().out
    checked(world)
    for worker in world.workers:
        copy.kill(worker)


@pytest.mark.parametrize("disk", ["rocksdb"], indirect=True)
def test_the_check_of_stores_says_why_one_is_not_believed(world: SmallWorld, disk: Disk) -> None:
    (place,) = disk.place(ISSUANCE_COMMANDS.name, HOME).iterdir()
    assert _checked(place, world.memory, budget(8))["state"] == "as logged"
    for worker in world.workers:
        disk.kill(worker)
    world.store = lambda topic, number: MemoryStore()
    world.start()
    sell(world, "s3")
    world.settle()
    told = _checked(place, world.memory, budget(8))
    assert told["state"] == "not believed"
    assert "too old to read on from" in _line({"store": "0", **told})
