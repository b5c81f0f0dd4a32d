"""The logs that must behave alike: Kafka, the one in memory, and the simulator's."""

from collections.abc import Iterator
from random import Random
from typing import cast

import pytest

from deploy.embedded.resolve import Infrastructure
from services.runtime.kafka_log import KafkaLog
from services.runtime.memory_log import MemoryLog
from services.runtime.ports import Log
from services.runtime.topic_admin import TopicAdmin
from tests.integration.logs import PARTITIONS
from tests.simulation.faults import Faults
from tests.simulation.faulty_log import FaultyLog
from tests.simulation.seat import Seat


@pytest.fixture(params=["memory", "simulated", "kafka"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    """A log with the catalogue's topics, empty."""
    if request.param == "memory":
        yield MemoryLog(PARTITIONS)
        return
    if request.param == "simulated":
        unruly = FaultyLog(PARTITIONS, Random(1), lambda: 1_000)
        yield cast(Log, Seat(unruly, Faults(Random(1), rates={}), "tried"))
        return
    infra: Infrastructure = request.getfixturevalue("infra")
    namespace: str = request.getfixturevalue("namespace")
    TopicAdmin(infra.bootstrap, namespace).apply(PARTITIONS)
    yield KafkaLog(infra.bootstrap, namespace)
