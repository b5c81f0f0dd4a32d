"""What falls due is swept a little at a time, so that whoever writes a command waits for little."""

import orjson
import pytest

from schemas.topics import REDEMPTION_BALANCES, REDEMPTION_COMMANDS, REDEMPTION_EVENTS
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.records import Record, Staged
from services.runtime.sweeping import SWEEPS_AWAITED_MAX
from tests.benchmarks.sweeps import rows
from tests.small_world import PARTITIONS, SmallWorld, money

DUE = 400
SWEPT = ("hold_lapsed.v1", "lots_expired.v1")


@pytest.fixture
def world() -> SmallWorld:
    """Many accounts that are due, by a hold or by a lot, and one worker that knows them."""
    made = SmallWorld()
    made.publish_policy()
    later = made.clock.now() + 120_000
    for key, row in rows(DUE, later):
        name = key.encode()
        made.memory.append(Staged(REDEMPTION_BALANCES.name, None, made.clock.now(), name, row))
    made.workers = [made.worker(REDEMPTION)]
    while not (made.workers[0].partitions and made.workers[0].ready()):
        made.workers[0].tick()
    made.clock.move(later)
    return made


def swept(world: SmallWorld) -> list[str]:
    """The accounts that were swept, once for each time."""
    facts = [orjson.loads(record.value or b"") for record in world.read(REDEMPTION_EVENTS)]
    return [fact["subject"] for fact in facts if fact["type"] in SWEPT]


def sweeps(records: list[Record]) -> list[Record]:
    """The commands of the sweeper."""
    return [r for r in records if b'"lapse_' in (r.value or b"") or b'"expire_' in (r.value or b"")]


def on_their_way(world: SmallWorld) -> int:
    """Sweeps written to the log and not decided yet."""
    return len(sweeps(world.read(REDEMPTION_COMMANDS))) - len(swept(world))


def once(world: SmallWorld) -> bool:
    """Was each account swept, and none twice?"""
    return sorted(swept(world)) == [f"due-{number:07d}" for number in range(DUE)]


def test_everything_due_is_swept_once_and_never_much_at_a_time(world: SmallWorld) -> None:
    most = 0
    while world.workers[0].tick():
        most = max(most, on_their_way(world))
    assert once(world)
    assert 0 < most <= SWEEPS_AWAITED_MAX
    assert on_their_way(world) == 0


def test_a_command_waits_behind_a_bounded_number_of_sweeps(world: SmallWorld) -> None:
    for worker in world.workers:
        worker.tick()
    record = world.send("redeem", "spend-1", "r1", amount=money(1))
    ahead = world.memory.read(REDEMPTION_COMMANDS.name, record.partition, 0, 1_000_000)[0]
    before = sweeps([one for one in ahead if one.offset < record.offset])
    assert 0 < len(before) <= SWEEPS_AWAITED_MAX // PARTITIONS


def test_sweeps_that_get_lost_are_sent_again_and_done_once(world: SmallWorld) -> None:
    for worker in world.workers:
        worker.tick()
    # The workers are gone; another one finds the same dues, and what the first has sent.
    for worker in world.workers:
        worker.close()
    world.workers = [world.worker(REDEMPTION, slot="1")]
    world.settle()
    assert once(world)
    assert world.deadletters() == []


def test_what_is_not_done_is_sent_again_ever_later_and_in_the_end_not_waited_for(
    world: SmallWorld,
) -> None:
    agenda = next(p.agenda for p in world.workers[0].partitions.values() if p.agenda is not None)
    now = world.clock.now()
    assert len(agenda.due(now, 75)) == 75
    sent = []
    for second in range(70):
        sent.append(len(agenda.due(now + second * 1_000, 0)))
    assert [second for second, count in enumerate(sent) if count] == [1, 3, 7, 15, 31, 63]
    assert set(sent) == {0, 75}
    assert agenda.awaited(()) == 0
    assert len(agenda.due(now + 70_000, 5)) == 5


def test_many_workers_sweep_everything_once_while_they_come_and_go(world: SmallWorld) -> None:
    second = world.worker(REDEMPTION, slot="1")
    world.workers.append(second)
    for _ in range(20):
        for worker in world.workers:
            worker.tick()
    second.close()
    world.workers.remove(second)
    world.workers.append(world.worker(REDEMPTION, slot="2"))
    for _ in range(10):
        # Swept or not, whoever holds a partition now finds what is due on it.
        world.clock.move(world.clock.now() + 1_000)
        world.settle()
    assert once(world)
    assert on_their_way(world) >= 0
    assert world.deadletters() == []
