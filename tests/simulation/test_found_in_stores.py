"""What the simulator has found in stores that outlive their process, as short stories."""

import pytest

from schemas.instants import DAY
from schemas.topics import ISSUANCE_MEMORY
from services.runtime import partitions
from services.runtime.checksum import compare
from services.runtime.partitions import Partition
from services.runtime.staging import Staging
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


def differing_after_a_long_sleep(town: Town) -> tuple[str, ...]:
    """Frozen between a commit and the store for months, then awake; a successor finds the store."""
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
    return differing(town, successor)


def differing_after_a_slow_restore(town: Town, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """It has read a row, and not yet that it was deleted, when the trace of that is compacted."""
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
    return differing(town, slow)


def test_a_store_written_by_who_stood_still_for_days_is_not_believed(town: Town) -> None:
    assert differing_after_a_long_sleep(town) == ()


def test_a_restore_that_takes_days_is_done_once_more(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert differing_after_a_slow_restore(town, monkeypatch) == ()


def test_a_store_as_old_as_its_write_would_be_seen(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Partition.apply

    def late(self: Partition, staging: Staging) -> None:
        staging.began = self.clock.wall()
        apply(self, staging)

    monkeypatch.setattr(Partition, "apply", late)
    assert "c1/answer/s1" in differing_after_a_long_sleep(town)


def test_a_restore_of_any_length_would_be_seen(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "read_too_long", lambda known_until, now: None)
    assert "c1/answer/s1" in differing_after_a_slow_restore(town, monkeypatch)
