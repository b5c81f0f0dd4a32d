"""What sweeps have left on the topic of facts: which accounts, how often, and when."""

import time
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from schemas.topics import REDEMPTION_EVENTS
from services.local.machine import Machine
from services.runtime.kafka_settings import reader_settings
from tests.benchmarks.measuring import PARTITIONS

SWEPT: Final = (b'"type":"hold_lapsed.v1"', b'"type":"lots_expired.v1"')


class Swept:
    """What was swept: how often each account, and when (ms UTC).

    Read once it is over: whoever reads along takes a third of a core from what is measured.
    """

    def __init__(self, machine: Machine) -> None:
        self.times: dict[bytes, int] = {}
        self.at: list[int] = []
        topic = REDEMPTION_EVENTS.named(machine.namespace)
        consumer = Consumer(reader_settings(machine.infra.bootstrap, "read_committed"))
        consumer.assign([KafkaPartition(topic, number, 0) for number in range(PARTITIONS)])
        ended: set[int | None] = set()
        while len(ended) < PARTITIONS:
            for message in consumer.consume(5_000, 1.0):
                error = message.error()
                if error is None:
                    self._count(message.value() or b"", message.timestamp()[1])
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
        consumer.close()

    def by_second(self, began: int, ended: int) -> list[int]:
        """Sweeps in each full second between two instants, as long as there was something left."""
        each = [0] * max(1, (min(ended, max(self.at)) - began) // 1_000)
        for at in self.at:
            second = (at - began) // 1_000
            if 0 <= second < len(each):
                each[second] += 1
        return each

    def _count(self, value: bytes, at: int) -> None:
        if SWEPT[0] in value or SWEPT[1] in value:
            account = value.split(b'"subject":"', 1)[1].split(b'"', 1)[0]
            self.times[account] = self.times.get(account, 0) + 1
            self.at.append(at)


def wait_for_facts(machine: Machine) -> None:
    """Until the first fact is there: everything is restored."""
    topic = REDEMPTION_EVENTS.named(machine.namespace)
    consumer = Consumer(reader_settings(machine.infra.bootstrap, "read_uncommitted"))
    places = [KafkaPartition(topic, number) for number in range(PARTITIONS)]
    while not any(consumer.get_watermark_offsets(place, 10.0)[1] for place in places):
        time.sleep(0.05)  # a look at a condition
    consumer.close()
