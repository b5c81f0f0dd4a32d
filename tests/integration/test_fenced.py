"""What Kafka's client says of a name that another process has now, and what becomes of it."""

from collections.abc import Callable

import pytest

from deploy.embedded.resolve import Infrastructure
from schemas.topics import REDEMPTION_COMMANDS, REDEMPTION_MEMORY
from services.runtime.kafka_log import KafkaConsumer, KafkaLog
from services.runtime.ports import Assigned, BatchDroppedError, Revoked, TopicPartition
from services.runtime.records import Staged
from services.runtime.topic_admin import TopicAdmin
from tests.integration.other_process import until

COMMANDS = REDEMPTION_COMMANDS.name
MEMORY = REDEMPTION_MEMORY.name
PARTITIONS = 2
ROUNDS = 3


@pytest.fixture
def log(infra: Infrastructure, namespace: str) -> KafkaLog:
    """A log with the catalogue's topics, empty."""
    TopicAdmin(infra.bootstrap, namespace).apply(PARTITIONS)
    return KafkaLog(infra.bootstrap, namespace)


def holding(consumer: KafkaConsumer, held: set[TopicPartition]) -> Callable[[], bool]:
    """Polls; does it hold every partition now? `held` is kept up to date."""

    def all_of_them() -> bool:
        consumer.poll(10, 0.2)
        for change in consumer.changes():
            match change:
                case Assigned():
                    held.update(change.partitions)
                case Revoked():
                    held.difference_update(change.partitions)
        return len(held) == PARTITIONS

    return all_of_them


def test_a_batch_with_offsets_of_a_producer_that_was_replaced_is_dropped(log: KafkaLog) -> None:
    """Its fence is told in several places on the way; at none of them does the worker break."""
    consumer = log.consumer("group", [COMMANDS], "member")
    until(holding(consumer, set()), "it holds every partition")
    for number in range(ROUNDS):
        old = log.producer("member")
        old.begin()
        old.produce(Staged(MEMORY, 0, 1_000 + number, b"a", b"old"))
        log.producer("member")
        with pytest.raises(BatchDroppedError):
            old.commit({(COMMANDS, 0): 1}, consumer.group_metadata())
        old.abandon()
    reader = log.reader()
    assert reader.read(MEMORY, 0, 0, 10)[0] == []
    assert consumer.committed([(COMMANDS, 0)]) == {(COMMANDS, 0): None}
    consumer.close()
