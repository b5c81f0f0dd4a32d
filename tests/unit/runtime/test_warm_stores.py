"""A worker that finds its store again reads on from there, and believes it only with reason."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.instants import HOUR
from schemas.topics import ISSUANCE_COMMANDS, ISSUANCE_MEMORY, REDEMPTION_COMMANDS
from services.issuance.worker import SPEC as ISSUANCE
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.checksum import StoreIsNotRestoredError, compare
from services.runtime.memory_log import MemoryLog
from services.runtime.murmur2 import partition_of
from services.runtime.ports import Standing, Store
from services.runtime.records import Record
from services.runtime.rocks_settings import budget
from services.runtime.rocks_store import RocksReading, RocksStore
from services.runtime.store import MemoryStore
from services.runtime.worker import Worker
from tests.silent_log import SilentLog
from tests.small_world import PARTITIONS, SmallWorld, money, prepared

HOME = partition_of(b"c1", PARTITIONS)
STATE = {ISSUANCE_COMMANDS.name: ISSUANCE, REDEMPTION_COMMANDS.name: REDEMPTION}


class KilledError(Exception):
    """The process is gone."""


class Killing:
    """Ends the process at a point, on its n-th pass."""

    def __init__(self, point: str, passes: int = 1) -> None:
        self._point = point
        self._left = passes

    def at(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                raise KilledError(point)


class Disk:
    """The stores of one machine; a process that starts anew opens them again."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.folder = folder
        self._rocks = kind == "rocksdb"
        self._budget = budget(8)
        self.stores: dict[tuple[str, int], Store] = {}

    def __call__(self, topic: str, partition: int) -> Store:
        name = (topic, partition)
        if not self._rocks:
            return self.stores.setdefault(name, MemoryStore())
        self.stores[name] = RocksStore(self.place(*name), "same", self._budget)
        return self.stores[name]

    def place(self, topic: str, partition: int) -> Path:
        return self.folder / f"{topic}-{partition}"

    def kill(self, worker: Worker) -> None:
        """What ends with a process: its handles, nothing of what it wrote."""
        for partition in worker.partitions.values():
            partition.store.close()
        worker.partitions.clear()


class Watching(MemoryLog):
    """Says what was read of the state topics."""

    def __init__(self) -> None:
        super().__init__(PARTITIONS)
        self.found = 0

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        records, after = super().read(topic, partition, start, records_max)
        if topic == ISSUANCE_MEMORY.name:
            self.found += len(records)
        return records, after


@pytest.fixture(params=["memory", "rocksdb"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    made = Disk(request.param, tmp_path)
    yield made
    for store in made.stores.values():
        store.close()


@pytest.fixture
def world(disk: Disk) -> SmallWorld:
    """Sold and unsold cards, workers running, stores as on the log."""
    made = SmallWorld(store=disk)
    made.memory = Watching()
    made.log = made.memory
    made.publish_policy()
    prepared(made, "c1", *(f"n{i}" for i in range(40)))
    made.start()
    made.settle()
    sell(made)
    made.settle()
    return made


def sell(world: SmallWorld, id: str = "s1", card: str = "c1") -> None:
    world.send("sell_card", card, id, value=money(2500), tender="cash", place={"location": "F1"})


def restart(world: SmallWorld, disk: Disk) -> None:
    for worker in world.workers:
        disk.kill(worker)
    world.start()
    world.settle()


def partition(world: SmallWorld, number: int = HOME) -> Any:
    return world.workers[0].partitions[ISSUANCE_COMMANDS.name, number]


def checked(world: SmallWorld) -> None:
    """Every store is its topics, row for row."""
    for worker in world.workers:
        for (topic, number), held in worker.partitions.items():
            spec = STATE[topic]
            topics = tuple(t for t in (spec.public, spec.memory) if t is not None)
            found = compare(held.store, world.memory, topics, number)
            assert found.differing == ()
            assert found.sum_stored == found.sum_logged
            assert found.rows_stored == found.rows_logged


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
    store.apply([("ghost", b"{}")], {ISSUANCE_MEMORY.name: 10_000}, b'{"next":9999}')
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
    store.apply([("ghost", b"{}")], {}, other)
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
    store.apply([("ghost", b"{}")], {}, other)
    log.silences = 2
    restart(world, disk)
    assert "has another row at" in capsys.readouterr().out
    assert partition(world).store.get("ghost") is None
    checked(world)


def test_a_store_that_rows_were_forgotten_since_is_too_old_to_believe(
    world: SmallWorld, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    store = partition(world).store
    rows = dict(store.scan())
    old = store.standing()
    sell(world, "s3", next(k for k in rows if k.startswith("n") and "/" not in k))
    world.settle()
    aged = Standing(old.offsets, old.progress, 13 * HOUR / 1000)
    store.reached(aged)
    restart(world, disk)
    assert "too old to read on from" in capsys.readouterr().out
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
    store.apply([(key, row + b" ")], {}, standing.progress)
    found = compare(store, world.memory, (ISSUANCE_MEMORY,), HOME)
    assert found.differing == (key,)
    assert found.sum_stored != found.sum_logged
    store.apply([(key, row), ("ghost", b"{}")], {}, standing.progress)
    assert compare(store, world.memory, (ISSUANCE_MEMORY,), HOME).differing == ("ghost",)
    store.apply([(key, None), ("ghost", None)], {}, standing.progress)
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
