"""What the broker and the committed records say: who holds which partition, and who goes on."""

import time
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.topics import REDEMPTION_COMMANDS, REDEMPTION_MEMORY
from services.local.machine import Machine
from services.runtime.kafka_settings import reader_settings

ASK_SECONDS = 10
WAIT_SECONDS_MAX = 60.0


class Groups:
    """The consumer groups of an installation."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._admin = AdminClient({"bootstrap.servers": machine.infra.bootstrap})

    def members(self) -> dict[str, set[tuple[str, int]]]:
        """{instance id: what it holds} of all members of all groups."""
        prefix = f"{self._machine.namespace}." if self._machine.namespace else ""
        listed = self._admin.list_consumer_groups(request_timeout=ASK_SECONDS).result().valid
        names = [group.group_id for group in listed if group.group_id.startswith(prefix)]
        if not names:
            return {}
        described = self._admin.describe_consumer_groups(names, request_timeout=ASK_SECONDS)
        found: dict[str, set[tuple[str, int]]] = {}
        for answer in described.values():
            for member in answer.result().members:
                held = member.assignment.topic_partitions if member.assignment else ()
                mine = found.setdefault(str(member.group_instance_id), set())
                mine |= {(place.topic.removeprefix(prefix), place.partition) for place in held}
        return found

    def have(self, slot: str) -> bool:
        """Is any process of that slot a member of any?"""
        return any(member.endswith(f"-{slot}") for member in self.members())

    def commands_of(self, slot: str) -> set[int]:
        """The partitions of redemption's commands that a worker in this slot holds."""
        name = f"{self._machine.namespace}.scrip-redemption-{slot}"
        return {n for topic, n in self.members().get(name, ()) if topic == REDEMPTION_COMMANDS.name}


class Commits:
    """Sees redemption commit, partition by partition."""

    def __init__(self, machine: Machine) -> None:
        settings = reader_settings(machine.infra.bootstrap, "read_committed")
        self._consumer = Consumer({**settings, "enable.partition.eof": False})
        self._topic = REDEMPTION_MEMORY.named(machine.namespace)
        self._reader = machine.log().reader()
        self._partitions = machine.partitions

    def from_now_on(self) -> None:
        """What is on the topic now, decided or in doubt, counts no more."""
        ends = [
            TopicPartition(self._topic, n, self._reader.end_in_doubt(REDEMPTION_MEMORY.name, n))
            for n in range(self._partitions)
        ]
        self._consumer.assign(ends)

    def first(self, partitions: Iterable[int], since: float) -> list[float]:
        """Seconds from `since` to the first commit on each of these partitions."""
        waiting = set(partitions)
        came: dict[int, float] = {}
        while waiting - came.keys():
            for message in self._consumer.consume(5_000, 0.02):
                number = message.partition()
                if message.error() is None and number is not None:
                    came.setdefault(number, time.monotonic() - since)
            told = f"nobody commits on {waiting - came.keys()}"
            assert time.monotonic() - since < WAIT_SECONDS_MAX, told
        return [came[number] for number in sorted(waiting)]

    def on_all(self) -> None:
        """Until every partition goes on."""
        self.from_now_on()
        self.first(range(self._partitions), time.monotonic())

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


def until(holds: Callable[[], bool], what: Callable[[], str]) -> None:
    """Look until it holds."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)  # a look at a condition, bounded by the deadline
