"""Stores that outlive their workers, and a small world on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.topics import ISSUANCE_COMMANDS, ISSUANCE_MEMORY, REDEMPTION_COMMANDS
from services.issuance.worker import SPEC as ISSUANCE
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.checksum import compare
from services.runtime.memory_log import MemoryLog
from services.runtime.murmur2 import partition_of
from services.runtime.ports import Store
from services.runtime.records import Record
from services.runtime.rocks_settings import budget
from services.runtime.rocks_store import RocksStore
from services.runtime.store import MemoryStore
from services.runtime.worker import Worker
from tests.small_world import PARTITIONS, SmallWorld, money

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
        for name, partition in worker.partitions.items():
            partition.store.close()
            if self._rocks:
                self.stores.pop(name)
        worker.partitions.clear()


class Watching(MemoryLog):
    """Says what was read of the state topics."""

    def __init__(self) -> None:
        super().__init__(PARTITIONS)
        self.found = 0
        self.meanwhile: Callable[[], None] | None = None

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        records, after = super().read(topic, partition, start, records_max)
        if topic == ISSUANCE_MEMORY.name:
            self.found += len(records)
            if records and self.meanwhile is not None:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()
        return records, after


class Meanwhile:
    """The process stands still at a point, once; then it goes on."""

    def __init__(self, point: str, meanwhile: Callable[[], None]) -> None:
        self._point = point
        self._meanwhile: Callable[[], None] | None = meanwhile

    def at(self, point: str) -> None:
        if point == self._point and self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()


def at_home(store: Store) -> str:
    """A card in stock on the partition that is looked at."""
    return next(key for key, _ in store.scan() if key.startswith("n") and "/" not in key)


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
