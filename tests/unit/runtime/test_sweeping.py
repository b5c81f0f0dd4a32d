"""What falls due is swept a little at a time, so that whoever writes a command waits for little."""

from typing import Any

import orjson
import pytest

from schemas.codec import read_command
from schemas.instants import format_instant, parse_instant, years_after
from schemas.message import Command, encode_command
from schemas.sweeps import DUE_MAX, SWEEP, commands_of
from schemas.topics import REDEMPTION_BALANCES, REDEMPTION_COMMANDS, REDEMPTION_EVENTS
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.memory_log import MemoryProducer
from services.runtime.ports import BatchDroppedError
from services.runtime.records import Record, Staged
from services.runtime.sweeping import SWEEPS_AWAITED_MAX
from tests.benchmarks.sweeps import CODEC, rows
from tests.small_world import PARTITIONS, POLICY_DOCUMENT, SmallWorld, money

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


def sweeps(records: list[Record]) -> list[Command]:
    """What the sweeper has sent, each by itself."""
    read = [read_command("redemption", record.value) for record in records]
    asked = [one for one in read if isinstance(one, Command)]
    return [due for one in asked if one.type == SWEEP for due in commands_of(one)]


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


def test_a_command_is_read_while_the_batch_that_swept_is_still_open(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bool] = []

    def looks(self: MemoryProducer, *what: Any) -> None:
        record = world.send("redeem", "spend-1", f"r{len(read)}", amount=money(1))
        found, _ = world.memory.read(record.topic, record.partition, 0, 1_000_000)
        read.append(record in found)
        commit(self, *what)

    commit = MemoryProducer.commit
    monkeypatch.setattr(MemoryProducer, "commit", looks)
    while len(swept(world)) < DUE // 2:
        world.workers[0].tick()
    assert read
    assert all(read)


def test_while_batches_are_dropped_no_more_sweeps_are_sent(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = world.workers[0]
    worker.tick()

    def drops(self: MemoryProducer, *_: Any) -> None:
        raise BatchDroppedError("so it is said")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryProducer, "commit", drops)
        for _ in range(100):
            world.clock.move(world.clock.now() + 1_000)
            worker.tick()
    assert swept(world) == []
    # Those that the first dropped batch met, and as many that it sent.
    assert 0 < on_their_way(world) <= 2 * SWEEPS_AWAITED_MAX
    while len(swept(world)) < DUE:
        world.clock.move(world.clock.now() + 1_000)
        world.settle()
    assert once(world)


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


def test_much_that_is_due_goes_by_few_records_and_none_is_too_long(world: SmallWorld) -> None:
    world.settle()
    records = world.read(REDEMPTION_COMMANDS)
    each = [len(sweeps([record])) for record in records]
    assert sum(each) == DUE
    assert max(each) <= DUE_MAX
    assert sum(count > 0 for count in each) <= DUE // 15


def test_a_sweep_decides_as_its_commands_would_one_by_one(world: SmallWorld) -> None:
    world.settle()
    alone = SmallWorld()
    alone.publish_policy()
    for record in world.read(REDEMPTION_BALANCES):
        if record.offset < DUE and record.timestamp == alone.clock.now():
            alone.memory.append(
                Staged(REDEMPTION_BALANCES.name, None, record.timestamp, record.key, record.value)
            )
    worker = alone.worker(REDEMPTION)
    while not (worker.partitions and worker.ready()):
        worker.tick()
    for record in world.read(REDEMPTION_COMMANDS):
        for due in sweeps([record]):
            value = encode_command(
                id=due.id,
                type=due.type,
                source=due.source,
                subject=due.subject,
                time=due.time,
                body=due.body.model_dump(mode="json", exclude_none=True),
            )
            key = due.subject.encode()
            alone.memory.append(
                Staged(record.topic, record.partition, record.timestamp, key, value)
            )
    alone.settle([worker])
    facts = [r.value for r in world.read(REDEMPTION_EVENTS)]
    assert len(facts) == DUE
    assert [r.value for r in alone.read(REDEMPTION_EVENTS)] == facts


def test_a_sweep_that_comes_twice_does_nothing_the_second_time(world: SmallWorld) -> None:
    world.settle()
    before = [r.value for r in world.read(REDEMPTION_EVENTS)]
    for record in world.read(REDEMPTION_COMMANDS):
        if sweeps([record]):
            world.memory.append(
                Staged(record.topic, record.partition, record.timestamp, record.key, record.value)
            )
    world.settle()
    assert [r.value for r in world.read(REDEMPTION_EVENTS)] == before
    assert world.deadletters() == []


def _sweep_of(world: SmallWorld, source: str, subjects: list[str]) -> None:
    due = [
        {"id": f"d-{one}", "subject": one, "type": "lapse_hold.v1", "data": {"hold": "H1"}}
        for one in subjects
    ]
    value = encode_command(
        id="s1",
        type=SWEEP,
        source=source,
        subject=subjects[0],
        time=world.clock.now(),
        body={"due": due},
    )
    key = subjects[0].encode()
    world.memory.append(Staged(REDEMPTION_COMMANDS.name, None, world.clock.now(), key, value))


@pytest.mark.parametrize(
    ("source", "subjects", "cause"),
    [
        ("channel/pos", ["due-0000000"], b"not_permitted: sweep comes from services only"),
        (
            "service/redemption",
            [f"due-{number:07d}" for number in range(9)],
            b"belongs on partition",
        ),
    ],
)
def test_a_sweep_of_a_channel_or_of_another_partition_is_a_dead_letter(
    source: str, subjects: list[str], cause: bytes
) -> None:
    world = SmallWorld()
    world.publish_policy()
    for key, row in rows(9, world.clock.now()):
        world.memory.append(
            Staged(REDEMPTION_BALANCES.name, None, world.clock.now(), key.encode(), row)
        )
    _sweep_of(world, source, subjects)
    world.workers = [world.worker(REDEMPTION)]
    world.settle()
    (letter,) = world.deadletters()
    assert cause in (letter.header("scrip-cause") or b""), letter.headers
    # What was due was swept all the same, by the worker's own word.
    assert len(swept(world)) == 9


def test_a_sweep_delivered_twice_across_the_end_the_law_gave_makes_each_fact_once() -> None:
    world = SmallWorld()
    law = [{"jurisdiction": "US-NY", "expiry_floor_years": 5}]
    world.publish_policy({**POLICY_DOCUMENT, "law": law})
    due = world.clock.now() + 120_000
    by_law = due + 3_600_000
    key, value = next(pair for pair in rows(5, due) if not CODEC.read(*pair).holds)
    account = CODEC.read(key, value)
    loaded = parse_instant(format_instant(by_law).replace("2026-", "2021-"))
    assert years_after(loaded, 5) == by_law
    account.lots[0].sold_at = account.loaded_at = loaded
    row = CODEC.write(key, account)
    world.memory.append(
        Staged(REDEMPTION_BALANCES.name, None, world.clock.now(), key.encode(), row)
    )
    first = world.worker(REDEMPTION)
    while not (first.partitions and first.ready()):
        first.tick()
    world.clock.move(due)
    first.tick()
    first.close()
    # Nobody works for two hours; who comes then sends what is due before it has read the first.
    world.workers = [world.worker(REDEMPTION, slot="1")]
    world.clock.move(by_law + 3_600_000)
    for _ in range(3):
        world.settle()
        world.clock.move(world.clock.now() + 2_000)
    facts = [orjson.loads(record.value or b"") for record in world.read(REDEMPTION_EVENTS)]
    assert [fact["type"] for fact in facts] == ["validity_extended.v1", "lots_expired.v1"]
    assert len({fact["id"] for fact in facts}) == 2
    assert len({due.id for due in sweeps(world.read(REDEMPTION_COMMANDS))}) == 2
