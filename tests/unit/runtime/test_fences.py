"""What Kafka says when another process has our name, and what its silence means: nothing."""

import pytest
from confluent_kafka import KafkaError

from deploy.embedded.places import free_ports
from services.runtime.kafka_fences import is_fence, require_name

TOLD = "Broker: Static consumer fenced by other consumer with same group.instance.id"


@pytest.mark.parametrize(
    ("error", "fence"),
    [
        (KafkaError(KafkaError.FENCED_INSTANCE_ID), True),
        (KafkaError(KafkaError._FENCED), True),
        (KafkaError(KafkaError._FATAL, f"Fatal error: {TOLD}: Fatal consumer error: {TOLD}"), True),
        (KafkaError(KafkaError._FATAL, "Fatal error: something else"), False),
        (KafkaError(KafkaError._ALL_BROKERS_DOWN), False),
    ],
)
def test_a_fence_is_known_in_each_of_its_forms(error: KafkaError, fence: bool) -> None:
    assert is_fence(error) == fence


def test_a_broker_that_is_away_says_nothing_against_our_name() -> None:
    (port,) = free_ports(1)
    require_name(f"127.0.0.1:{port}", "group", "slot", "member", seconds=0.2)
