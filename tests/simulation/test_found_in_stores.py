"""What the simulator has found in stores that outlive their process, as short stories."""

import pytest

from schemas.instants import DAY
from schemas.topics import ISSUANCE_MEMORY
from services.runtime import partitions
from services.runtime.checksum import compare
from services.runtime.store import MemoryStore
from services.runtime.worker import Worker
from tests.simulation.disks import Disks
from tests.simulation.town import HOME, Planned, Town, sell, settle, work_until
from tests.small_world import START, prepared


@pytest.fixture
def town() -> Town:
    made = Town()
    disks = Disks()
    made.world.store = lambda topic, number: disks.store("issuance", "0", topic, number)
    return made


def differing(town: Town, worker: Worker) -> tuple[str, ...]:
    """Keys of rows at home that are not what the log says."""
    return compare(worker.partitions[HOME].store, town.log, (ISSUANCE_MEMORY,), HOME[1]).differing


def known(worker: Worker) -> bool:
    """Does its store have the answer to the sale?"""
    return worker.partitions[HOME].store.get("c1/answer/s1") is not None


def forgotten(town: Town, worker: Worker) -> None:
    """Days later the answer is deleted, and more days later nobody can tell that it was."""
    town.world.clock.move(town.world.clock.now() + 40 * DAY)
    prepared(town.world, "c1")
    settle(worker)
    assert not known(worker)
    town.log.compact(town.world.clock.now())
    town.world.clock.move(town.world.clock.now() + 2 * DAY)
    town.log.compact(town.world.clock.now())


def test_a_store_written_by_who_stood_still_for_days_is_not_believed(town: Town) -> None:
    faults = Planned()
    frozen = town.worker("0", faults)
    settle(frozen)
    sell(town.world, "c1", "s1")
    settle(frozen)

    def meanwhile() -> None:
        town.put_out("0")
        other = town.worker("other")
        settle(other)
        forgotten(town, other)
        other.close()

    faults.plan["after_commit"] = meanwhile
    prepared(town.world, "c1")
    work_until(frozen, lambda: not faults.plan)
    assert known(frozen)
    frozen.close()
    successor = town.worker("0")
    settle(successor)
    assert differing(town, successor) == ()


def test_a_restore_that_takes_days_is_done_once_more(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = town.worker("0")
    settle(first)
    sell(town.world, "c1", "s1")
    settle(first)
    town.world.clock.move(START + 40 * DAY)
    prepared(town.world, "c1")
    settle(first)
    first.close()
    monkeypatch.setattr(partitions, "READ_MAX", 1)
    town.world.store = lambda topic, number: MemoryStore()
    slow = town.worker("slow")
    work_until(slow, lambda: HOME in slow.partitions and known(slow))
    town.log.compact(town.world.clock.now())
    town.world.clock.move(town.world.clock.now() + 2 * DAY)
    town.log.compact(town.world.clock.now())
    settle(slow)
    assert differing(town, slow) == ()
