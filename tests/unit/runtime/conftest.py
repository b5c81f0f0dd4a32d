"""A small world whose stores outlive its workers, in memory and on RocksDB."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_world import SmallWorld, prepared
from tests.unit.runtime.warm import Disk, Watching, sell


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
