"""A worker that finds its store again reads on from there, and believes it only with reason."""

import random
from pathlib import Path

import orjson
import pytest

from schemas.topics import ISSUANCE_COMMANDS, ISSUANCE_MEMORY
from services.issuance.worker import SPEC as ISSUANCE
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.checksum import StoreIsNotRestoredError, compare
from services.runtime.ports import Standing
from services.runtime.rocks_settings import budget
from services.runtime.rocks_store import RocksReading
from services.runtime.store import MemoryStore
from tests.silent_log import SilentLog
from tests.small_world import PARTITIONS, START, SmallWorld, prepared
from tests.unit.runtime.warm import (
    HOME,
    Disk,
    KilledError,
    Killing,
    Watching,
    checked,
    partition,
    restart,
    sell,
)


def test_a_restarted_worker_reads_on_from_its_store_and_knows_all_it_knew(
    world: SmallWorld, disk: Disk
) -> None:
    checked(world)
    before = len(world.read(ISSUANCE_MEMORY))
    watching = world.memory
    assert isinstance(watching, Watching)
    watching.found = 0
    restart(world, disk)
    assert before > 80
    assert watching.found <= PARTITIONS, "only the row a store ends with is read again"
    sell(world, "s2")
    world.settle()
    assert world.reply("s2")["reason"] == "not_prepared"
    checked(world)


@pytest.mark.parametrize("point", ["after_begin", "after_produce", "after_commit", "after_apply"])
def test_a_worker_killed_around_a_commit_goes_on_from_what_the_log_has(
    world: SmallWorld, disk: Disk, point: str
) -> None:
    chance = random.Random(point)
    for round in range(6):
        for worker in world.workers:
            disk.kill(worker)
        crash = Killing(point, chance.randrange(1, 4))
        world.workers = [world.worker(ISSUANCE, crash=crash), world.worker(REDEMPTION)]
        for i in range(5):
            sell(world, f"k{round}-{i}", f"n{chance.randrange(40)}")
            try:
                world.settle()
            except KilledError:
                break
    restart(world, disk)
    checked(world)
    answers = [r for r in world.replies() if not r.get("repeated")]
    assert len({r["command"] for r in answers}) == len(answers)


def test_a_store_ahead_of_the_log_is_refused_and_rebuilt(
    world: SmallWorld, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    store = partition(world).store
    store.apply([("ghost", b"{}")], Standing({ISSUANCE_MEMORY.name: 10_000}, b'{"next":9999}'))
    restart(world, disk)
    assert "ahead of the log" in capsys.readouterr().out
    assert partition(world).store.get("ghost") is None
    checked(world)


def test_a_store_whose_last_row_the_log_does_not_have_is_refused(
    world: SmallWorld, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    store = partition(world).store
    standing = store.standing()
    other = orjson.dumps({**orjson.loads(standing.progress), "sequence": 77})
    store.apply([("ghost", b"{}")], Standing({}, other, START))
    restart(world, disk)
    assert "has another row at" in capsys.readouterr().out
    assert partition(world).store.get("ghost") is None
    checked(world)


def test_a_store_is_not_believed_before_the_log_has_shown_its_last_row(
    disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    world = SmallWorld(store=disk, log=(log := SilentLog()))
    world.memory = log
    world.publish_policy()
    prepared(world, "c1")
    world.start()
    world.settle()
    store = partition(world).store
    other = orjson.dumps({**orjson.loads(store.standing().progress), "sequence": 77})
    store.apply([("ghost", b"{}")], Standing({}, other, START))
    log.silences = 2
    restart(world, disk)
    assert "has another row at" in capsys.readouterr().out
    assert partition(world).store.get("ghost") is None
    checked(world)


def test_a_store_another_worker_went_on_from_is_brought_up_to_date(
    world: SmallWorld, disk: Disk, tmp_path: Path
) -> None:
    elsewhere = Disk("rocksdb", tmp_path / "elsewhere")
    for worker in world.workers:
        disk.kill(worker)
    world.store = elsewhere
    world.start()
    sell(world, "s4", "n1")
    world.settle()
    for worker in world.workers:
        elsewhere.kill(worker)
    world.store = disk
    world.start()
    world.settle()
    sell(world, "s5", "n1")
    world.settle()
    assert world.reply("s5")["reason"] == "not_prepared"
    checked(world)


def test_a_row_that_is_not_the_logs_is_found_by_its_checksum(world: SmallWorld, disk: Disk) -> None:
    store = partition(world).store
    standing = store.standing()
    (key, row) = next(iter(store.scan()))
    store.apply([(key, row + b" ")], Standing({}, standing.progress))
    found = compare(store, world.memory, (ISSUANCE_MEMORY,), HOME)
    assert found.differing == (key,)
    assert found.sum_stored != found.sum_logged
    store.apply([(key, row), ("ghost", b"{}")], Standing({}, standing.progress))
    assert compare(store, world.memory, (ISSUANCE_MEMORY,), HOME).differing == ("ghost",)
    store.apply([(key, None), ("ghost", None)], Standing({}, standing.progress))
    assert compare(store, world.memory, (ISSUANCE_MEMORY,), HOME).differing == (key,)


def test_a_store_is_compared_while_its_worker_holds_it(tmp_path: Path) -> None:
    disk = Disk("rocksdb", tmp_path)
    world = SmallWorld(store=disk)
    world.publish_policy()
    prepared(world, "c1")
    world.start()
    world.settle()
    (place,) = disk.place(ISSUANCE_COMMANDS.name, HOME).iterdir()
    reading = RocksReading(place, budget(8))
    sell(world)
    world.settle()
    found = compare(reading, world.memory, (ISSUANCE_MEMORY,), HOME)
    assert (found.differing, found.rows_stored) == ((), 2)
    reading.close()
    empty = MemoryStore()
    with pytest.raises(StoreIsNotRestoredError):
        compare(empty, world.memory, (ISSUANCE_MEMORY,), HOME)
    for worker in world.workers:
        disk.kill(worker)
