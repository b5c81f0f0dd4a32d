"""What sweeps have left on the topic of facts: which accounts, how often, and when."""

from typing import Final

from confluent_kafka import Consumer, Message
from confluent_kafka import TopicPartition as KafkaPartition

from schemas.topics import REDEMPTION_EVENTS
from services.local.machine import Machine
from services.runtime.kafka_settings import reader_settings
from tests.benchmarks.outputs import read_all

SWEPT: Final = (b'"type":"hold_lapsed.v1"', b'"type":"lots_expired.v1"')
RESTORE_SECONDS_MAX: Final = 120.0


class Swept:
    """What was swept: how often each account, and when (ms UTC).

    Read once it is over: whoever reads along takes a third of a core from what is measured.
    """

    def __init__(self, machine: Machine) -> None:
        self.times: dict[bytes, int] = {}
        self.at: list[int] = []
        topic = REDEMPTION_EVENTS.named(machine.namespace)
        read_all(machine.infra.bootstrap, topic, self._count, machine.partitions)

    def by_second(self, began: int, ended: int) -> list[int]:
        """Sweeps in each full second between two instants, as long as there was something left."""
        each = [0] * max(1, (min(ended, max(self.at)) - began) // 1_000)
        for at in self.at:
            second = (at - began) // 1_000
            if 0 <= second < len(each):
                each[second] += 1
        return each

    def _count(self, message: Message) -> None:
        value = message.value() or b""
        if SWEPT[0] in value or SWEPT[1] in value:
            account = value.split(b'"subject":"', 1)[1].split(b'"', 1)[0]
            self.times[account] = self.times.get(account, 0) + 1
            self.at.append(message.timestamp()[1])


def wait_for_facts(machine: Machine) -> None:
    """Until the first fact is there: everything is restored."""
    settings = reader_settings(machine.infra.bootstrap, "read_committed")
    consumer = Consumer({**settings, "enable.partition.eof": False})
    topic = REDEMPTION_EVENTS.named(machine.namespace)
    consumer.assign([KafkaPartition(topic, number, 0) for number in range(machine.partitions)])
    first = consumer.poll(RESTORE_SECONDS_MAX)
    consumer.close()
    assert first is not None, f"nothing was swept within {RESTORE_SECONDS_MAX:.0f} s"
    assert first.error() is None, first.error()
