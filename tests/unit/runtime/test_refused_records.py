"""What Kafka will not have: the loop says so, waits, loses nothing, and goes on when it may."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from schemas.topics import (
    COMMAND_TOPICS,
    DEADLETTERS,
    ISSUANCE_COMMANDS,
    ISSUANCE_EVENTS,
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    TOPICS,
)
from services.ledger.operations import Order, close_period
from services.local.failures import sentence_of
from services.runtime import deadletters
from services.runtime.crash import NoCrash
from services.runtime.kafka_settings import RECORD_BYTES_MAX
from services.runtime.memory_log import MemoryConsumer, MemoryLog, MemoryProducer
from services.runtime.outbox import Outbox
from services.runtime.ports import (
    BatchDroppedError,
    OutcomeUnknownError,
    RecordRefusedError,
    TopicPartition,
)
from services.runtime.records import Staged
from services.runtime.topic_admin import settings_of
from services.stories.world import World
from tests.replayed import begun, story, terms
from tests.small_world import START, SmallWorld, money, prepared

AHEAD = "its time is ahead"


class PickyLog:
    """A log that takes no transaction in which a value holds `refused`."""

    def __init__(self, behind: MemoryLog) -> None:
        self._behind = behind
        self.refused: bytes | None = None

    def partitions(self, topic: str) -> int:
        """As behind."""
        return self._behind.partitions(topic)

    def reader(self) -> MemoryLog:
        """As behind."""
        return self._behind.reader()

    def consumer(self, group: str, topics: Sequence[str], instance: str) -> MemoryConsumer:
        """As behind."""
        return self._behind.consumer(group, topics, instance)

    def sender(self) -> MemoryLog:
        """As behind."""
        return self._behind.sender()

    def producer(self, identity: str) -> "PickyProducer":
        """One that looks at what it is given."""
        return PickyProducer(self, self._behind.producer(identity))


class PickyProducer:
    """Refuses when it is to commit, as a broker does."""

    def __init__(self, log: PickyLog, behind: MemoryProducer) -> None:
        self._log = log
        self._behind = behind
        self._values: list[bytes] = []

    def begin(self) -> None:
        """Open a transaction."""
        self._values = []
        self._behind.begin()

    def produce(self, staged: Staged) -> None:
        """Write a record in it."""
        self._values.append(staged.value or b"")
        self._behind.produce(staged)

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """Refuse, or commit."""
        refused = self._log.refused
        if refused is not None and any(refused in value for value in self._values):
            raise RecordRefusedError(AHEAD)
        self._behind.commit(offsets, metadata)

    def abandon(self) -> None:
        """Given up."""
        self._behind.abandon()


def told(world: World) -> list[bytes]:
    """The values of operations' facts that have left, partition by partition."""
    return [
        record.value or b""
        for number in range(world.partitions)
        for record in world.log.read(LEDGER_OPERATIONS.name, number, 0, 100)[0]
    ]


def test_an_operation_kafka_refuses_is_said_aloud_waits_and_leaves_once_it_is_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World(story().begins, "America/New_York")
    begun(world)
    for month in ("01", "02", "03"):
        order = Order(f"close-{month}", "ann")
        with world.engine.begin() as connection:
            close_period(connection, order, "E1", f"2026-{month}-28", terms(world.log))
    log = PickyLog(world.log)
    log.refused = b"close-02"
    outbox = Outbox(LEDGER_OPERATIONS, LEDGER_MEMORY, world.engine, log, crash=NoCrash())
    for _ in range(4):
        outbox.tick()
    said = capsys.readouterr().out
    assert said.count("kafka_refuses_a_record") >= 2
    assert all(word in said for word in ("error", "period_closed.v1", "close-02", AHEAD))
    assert not outbox.ready()
    assert [b"close-01" in value for value in told(world)] == [True]
    log.refused = None
    for _ in range(3):
        outbox.tick()
    assert outbox.ready()
    assert "kafka_takes_it_now" in capsys.readouterr().out
    assert len(told(world)) == 3
    world.close()


def test_a_worker_whose_fact_kafka_refuses_is_not_ready_and_answers_once_when_it_is_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = SmallWorld()
    log = PickyLog(world.memory)
    world.log = log
    world.publish_policy()
    prepared(world, "c1", "c2")
    world.start()
    world.settle()
    log.refused = b'"card_sold.v1"'
    sale = {"value": money(2_500), "tender": "cash", "place": {"location": "F1"}}
    world.send("sell_card", "c1", "s1", **sale)
    for _ in range(3):
        world.workers[0].tick()
    assert not world.workers[0].ready()
    assert AHEAD in capsys.readouterr().out
    log.refused = None
    world.settle()
    assert world.workers[0].ready()
    assert [reply["outcome"] for reply in world.replies() if reply["command"] == "s1"] == [
        "accepted"
    ]
    sold = [r for r in world.read(ISSUANCE_EVENTS) if b'"card_sold.v1"' in (r.value or b"")]
    assert len(sold) == 1


def test_every_topic_but_those_of_commands_takes_the_largest_fact() -> None:
    for topic in TOPICS:
        wanted = settings_of(topic, story=False, replication=1).get("max.message.bytes")
        assert wanted == (None if topic in COMMAND_TOPICS else str(RECORD_BYTES_MAX))
    assert deadletters.LETTER_BYTES_MAX < RECORD_BYTES_MAX


def test_what_is_too_large_for_a_letter_is_named_in_one_and_stays_where_it_came_from() -> None:
    world = SmallWorld()
    world.publish_policy()
    prepared(world, "c1")
    for size in (deadletters.LETTER_BYTES_MAX - 1, deadletters.LETTER_BYTES_MAX + 1):
        world.memory.append(Staged(ISSUANCE_COMMANDS.name, 0, START, b"k", b"x" * size))
    world.start()
    world.settle()
    whole, named = world.read(DEADLETTERS)
    assert len(whole.value or b"") == deadletters.LETTER_BYTES_MAX - 1
    assert (named.key, named.value) == (None, None)
    cause = str(deadletters.read_dead_letter(named)["cause"])
    assert f"{deadletters.LETTER_BYTES_MAX + 2} bytes stand in {ISSUANCE_COMMANDS.name}/0" in cause


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (RecordRefusedError(AHEAD), "does not take it"),
        (BatchDroppedError("timed out"), "nothing was written, run it again"),
        (OutcomeUnknownError("timed out"), "did not say whether it is in"),
    ],
)
def test_a_command_that_kafka_did_not_serve_ends_with_3_and_a_sentence(
    cause: Exception, said: str
) -> None:
    found = sentence_of(cause)
    assert found is not None
    assert found[0] == 3
    assert said in found[1]
    assert str(cause) in found[1]
