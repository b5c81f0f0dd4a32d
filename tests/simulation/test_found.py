"""What the simulator has found in the runner, each as the shortest story that shows it."""

from typing import Any

import orjson
import pytest

from schemas.instants import DAY
from schemas.topics import ISSUANCE_COMMANDS, ISSUANCE_EVENTS, ISSUANCE_MEMORY
from services.runtime import partitions
from services.runtime.partitions import Partition, ProgressTornError
from services.runtime.records import Staged
from services.runtime.worker import Worker
from tests.simulation.faults import DROP, UNKNOWN_IN
from tests.simulation.seat import Seat
from tests.simulation.town import HOME, Planned, Town, sell, settle
from tests.small_world import START, money, prepared


def answers_after_a_hidden_commit(town: Town) -> int:
    """Three commands; the last two's commit is in, its answer lost, and a stranger before it."""
    faults = Planned()
    worker = town.worker("0", faults)
    settle(worker)
    # Memory topics have many writers: the ledger's outbox writes where its worker does.
    stranger = Seat(town.log, Planned(), "stranger").producer("stranger")
    stranger.begin()
    stranger.produce(Staged(ISSUANCE_MEMORY.name, HOME[1], START, b"!progress/other", b"{}"))
    faults.plan["commit"] = UNKNOWN_IN
    prepared(town.world, "c1", "c1")
    settle(worker)
    return len(town.world.replies())


def answers_after_a_rebalance(town: Town) -> int:
    """Three commands; the last two are read, then another takes the partition and answers."""
    faults = Planned()
    worker = town.worker("0", faults)
    settle(worker)

    def meanwhile() -> None:
        other = town.worker("other")
        while HOME not in other._consumer._positions:  # type: ignore[attr-defined]
            town.log.rebalance("scrip-issuance")
        settle(other)

    faults.plan["polled"] = meanwhile
    prepared(town.world, "c1", "c1")
    settle(worker)
    return len(town.world.replies())


@pytest.fixture
def town() -> Town:
    return Town()


def test_a_partition_lost_while_it_is_restored_is_no_torn_progress(town: Town) -> None:
    first = town.worker("0")
    settle(first)
    first.close()

    def meanwhile() -> None:
        town.put_out("late")
        prepared(town.world, *[f"n{i}" for i in range(40)])
        other = town.worker("other")
        settle(other)
        other.close()

    # It has asked for the group's offsets and stands still before it reads the rows.
    faults = Planned()
    faults.plan["end"] = meanwhile
    late = town.worker("late", faults)
    settle(late)
    assert late.ready()
    assert town.prepared() == 41


def test_an_offset_that_stays_other_than_the_row_is_torn_progress(town: Town) -> None:
    first = town.worker("0")
    settle(first)
    first.close()
    town.log.groups["scrip-issuance"].offsets[HOME] += 1
    with pytest.raises(ProgressTornError):
        settle(town.worker("0"))


def test_a_batch_hidden_by_anothers_open_transaction_is_not_taken_for_dropped(
    town: Town,
) -> None:
    assert answers_after_a_hidden_commit(town) == 3


def test_a_batch_read_before_a_rebalance_is_dropped(town: Town) -> None:
    assert answers_after_a_rebalance(town) == 3


def test_a_hasty_end_of_doubt_would_be_seen(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    is_in = Partition.is_in
    monkeypatch.setattr(partitions, "DOUBT_WAITS_MAX", 0)
    monkeypatch.setattr(Partition, "is_in", lambda *asked: bool(is_in(*asked)))
    assert answers_after_a_hidden_commit(town) > 3


def test_a_generation_taken_after_the_batch_would_be_seen(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Worker._commit

    def late(self: Worker, batch: Any, metadata: Any) -> None:
        commit(self, batch, self._consumer.group_metadata())

    monkeypatch.setattr(Worker, "_commit", late)
    assert answers_after_a_rebalance(town) > 3


def test_a_refusal_that_is_soon_forgotten_takes_no_id_from_a_later_decision(town: Town) -> None:
    world = town.world
    worker = town.worker("0")
    sell(world, "n9", "early")
    settle(worker)
    world.clock.move(START + 2 * DAY)
    prepared(world, "n9")
    sell(world, "n9", "early")
    settle(worker)
    told = [orjson.loads(record.value or b"") for record in world.read(ISSUANCE_EVENTS)]
    of_command = [fact for fact in told if fact["causationid"] == "early"]
    assert [fact["type"] for fact in of_command] == ["issuance_refused.v1", "card_sold.v1"]
    assert len({fact["id"] for fact in told}) == len(told)


def test_a_copy_that_comes_too_late_takes_no_id_from_what_was_decided_first(town: Town) -> None:
    world = town.world
    worker = town.worker("0")
    sell(world, "c1", "copied")
    (copy,) = (r for r in world.read(ISSUANCE_COMMANDS) if b'"copied"' in (r.value or b""))
    settle(worker)
    world.clock.move(START + 40 * DAY)
    town.log.append(Staged(copy.topic, None, world.clock.now(), copy.key, copy.value))
    settle(worker)
    told = [orjson.loads(record.value or b"") for record in world.read(ISSUANCE_EVENTS)]
    assert [fact["type"] for fact in told][1:] == ["card_sold.v1", "issuance_refused.v1"]
    assert len({fact["id"] for fact in told}) == len(told)


def test_what_falls_due_is_swept_after_a_dropped_batch_whose_next_commit_is_hidden(
    town: Town,
) -> None:
    world, faults = town.world, Planned()
    worker = town.worker("0", faults)
    settle(worker)
    faults.plan |= {"produce": DROP, "commit": UNKNOWN_IN}
    world.send("reserve_sale", "c1", "s1", value=money(2500), tender="cash")
    settle(worker)
    assert not faults.plan, "both have come to pass"
    world.clock.move(START + DAY)
    settle(worker)
    assert worker.next_due() is None
    assert any(b"sale_lapsed.v1" in (r.value or b"") for r in world.read(ISSUANCE_EVENTS))
