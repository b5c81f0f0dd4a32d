"""Records leave while their batch is still decided, and still all of them count or none."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from schemas.topics import REDEMPTION_COMMANDS, REDEMPTION_EVENTS
from services.redemption.worker import SPEC
from services.runtime.crash import NoCrash
from services.runtime.memory_log import MemoryProducer
from services.runtime.ports import BatchDroppedError, TopicPartition
from services.runtime.records import Record, Staged
from services.runtime.seals import SealsOff
from services.runtime.staging import CHAIN_HEADER, Staging
from services.runtime.transaction import Transaction
from services.runtime.worker import SHIPPED_AT, Worker
from tests.benchmarks.workload import POLICY, Message, Workload
from tests.small_world import START, SmallWorld

OUT = "scrip.redemption.replies.v1"


class Pipe:
    """A producer that takes so many records of a transaction and then breaks it."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.begun = 0
        self.taken: list[Staged] = []
        self.commits = 0

    def begin(self) -> None:
        """Count it."""
        self.begun += 1

    def produce(self, staged: Staged) -> None:
        """Take it, or break."""
        if len(self.taken) >= self.takes:
            raise BatchDroppedError("the transaction is broken")
        self.taken.append(staged)

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """Count it."""
        self.commits += 1

    def abandon(self) -> None:
        """Nothing to give back."""


def records(count: int) -> list[Staged]:
    """Some records."""
    return [Staged(OUT, 0, START + n, b"k", str(n).encode()) for n in range(count)]


def test_a_transaction_begins_with_its_first_record_and_once() -> None:
    pipe = Pipe(takes=10)
    transaction = Transaction(pipe, NoCrash())
    assert pipe.begun == 0
    for staged in records(3):
        transaction.ship([staged])
    transaction.commit({}, None)
    assert (pipe.begun, len(pipe.taken), pipe.commits) == (1, 3, 1)


def test_what_breaks_on_the_way_is_told_at_the_commit_and_nothing_is_committed() -> None:
    pipe = Pipe(takes=2)
    transaction = Transaction(pipe, NoCrash())
    for staged in records(5):
        transaction.ship([staged])
    with pytest.raises(BatchDroppedError, match="broken"):
        transaction.commit({}, None)
    assert (len(pipe.taken), pipe.commits) == (2, 0)


def many_commands(count: int) -> tuple[SmallWorld, Worker]:
    """So many commands that wait for one worker."""
    world = SmallWorld()
    world.publish_policy(POLICY)
    worker = world.worker(SPEC)
    workload = Workload(SealsOff(), SealsOff(), start=START, accounts=20)
    send(world, workload.opening())
    world.settle([worker])
    send(world, workload.commands(count))
    return world, worker


def send(world: SmallWorld, messages: Iterable[Message]) -> None:
    """Put messages on their partitions."""
    for one in messages:
        staged = Staged(REDEMPTION_COMMANDS.name, None, one.time, one.key, one.value)
        world.memory.append(staged)


def test_records_leave_while_the_batch_is_still_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    _, worker = many_commands(400)
    order: list[str] = []
    produce, begin = MemoryProducer.produce, Staging.begin

    def leaving(self: MemoryProducer, staged: Staged) -> None:
        order.append("out")
        produce(self, staged)

    def coming(self: Staging, record: Record) -> None:
        order.append("in")
        begin(self, record)

    monkeypatch.setattr(MemoryProducer, "produce", leaving)
    monkeypatch.setattr(Staging, "begin", coming)
    assert worker.tick()
    last_in = len(order) - order[::-1].index("in")
    assert order.count("in") == 400
    assert order[:last_in].count("out") > 4 * SHIPPED_AT
    assert order[last_in:].count("out") > 0


def test_a_batch_that_left_in_pieces_has_one_chain_that_ends_with_its_last_fact() -> None:
    world, worker = many_commands(400)
    opened = len(world.read(REDEMPTION_EVENTS))
    assert worker.tick()
    facts = world.read(REDEMPTION_EVENTS)
    last = {record.partition: record.offset for record in facts}
    ends = {r.partition: r.offset for r in facts if r.header(CHAIN_HEADER) is not None}
    assert len(facts) > opened + SHIPPED_AT
    assert ends == last


def test_a_batch_that_fails_after_it_left_in_pieces_is_made_again_and_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quiet_world, quiet_worker = many_commands(400)
    quiet_world.settle([quiet_worker])
    world, worker = many_commands(400)
    produce, seen = MemoryProducer.produce, []

    def breaking(self: MemoryProducer, staged: Staged) -> None:
        seen.append(staged)
        if len(seen) == 3 * SHIPPED_AT:
            raise BatchDroppedError("the broker went away")
        produce(self, staged)

    monkeypatch.setattr(MemoryProducer, "produce", breaking)
    world.settle([worker])
    assert [(r.partition, r.value) for r in world.read(REDEMPTION_EVENTS)] == [
        (r.partition, r.value) for r in quiet_world.read(REDEMPTION_EVENTS)
    ]
