"""Names in a group: taken by another process, lost to nobody, asked for while the broker comes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from deploy.embedded.resolve import Infrastructure
from schemas.topics import REDEMPTION_COMMANDS
from services.runtime.kafka_log import KafkaConsumer, KafkaLog
from services.runtime.kafka_settings import member_settings
from services.runtime.ports import Assigned, FencedError, Revoked, TopicPartition
from services.runtime.topic_admin import TopicAdmin
from tests.crash.groups import until

pytestmark = pytest.mark.skipif(
    not os.environ.get("SCRIP_LONG"), reason="a session takes its time: make crash"
)
ROOT = Path(__file__).parents[2]
COMMANDS = REDEMPTION_COMMANDS.name
PARTITIONS = 2
ASKS = 60
FLICKER_SECONDS_MAX = 0.15
ASKING = """
import sys
from services.runtime.kafka_fences import require_name
for number in range(int(sys.argv[2])):
    require_name(sys.argv[1], "group", "slot", "member", wait=0.05 + 0.01 * (number % 10))
"""


@pytest.fixture
def log(infra: Infrastructure, namespace: str) -> KafkaLog:
    """A log with the catalogue's topics, empty."""
    TopicAdmin(infra.bootstrap, namespace).apply(PARTITIONS)
    return KafkaLog(infra.bootstrap, namespace)


class Member:
    """One that looks at what it holds."""

    def __init__(self, log: KafkaLog) -> None:
        self.consumer: KafkaConsumer = log.consumer("group", [COMMANDS], "member")
        self.held: set[TopicPartition] = set()
        self.lost: set[TopicPartition] = set()

    def holds_all(self) -> bool:
        """One look."""
        self.consumer.poll(10, 0.2)
        for change in self.consumer.changes():
            match change:
                case Assigned():
                    self.held.update(change.partitions)
                case Revoked():
                    self.held.difference_update(change.partitions)
                    self.lost.update(change.partitions)
        return len(self.held) == PARTITIONS


def rival(log: KafkaLog) -> Consumer:
    """Another member of the same name, joined."""
    settings = member_settings(log.bootstrap, log.named("group"), log.named("member"))
    made = Consumer(settings)
    made.subscribe([log.named(COMMANDS)])

    def joined() -> bool:
        made.poll(0.1)
        return len(made.assignment()) == PARTITIONS

    until(joined, lambda: "the rival never joined")
    return made


def test_a_member_fenced_by_one_that_nobody_is_takes_its_name_back_by_itself(
    log: KafkaLog,
) -> None:
    """So it is after its own client has joined twice: nobody sends heartbeats for the other id."""
    member = Member(log)
    until(member.holds_all, lambda: "never assigned")
    rival(log).close()
    until(lambda: not member.holds_all(), lambda: "never told")
    assert len(member.lost) == PARTITIONS
    until(member.holds_all, lambda: "never back")
    member.consumer.confirm()
    member.consumer.close()


def test_a_member_whose_name_another_process_has_ends_when_it_is_told(log: KafkaLog) -> None:
    member = Member(log)
    until(member.holds_all, lambda: "never assigned")
    taken = rival(log)
    with pytest.raises(FencedError):
        until(lambda: not taken.poll(0.0) and not member.holds_all(), lambda: "never told")
    member.consumer.close()
    taken.close()


def test_asking_whose_a_name_is_never_ends_the_process_while_the_broker_comes_and_goes(
    servers_of_our_own: Infrastructure,
) -> None:
    broker = servers_of_our_own.kafka
    assert broker is not None
    chance = random.Random(1)
    arguments = [sys.executable, "-c", ASKING, servers_of_our_own.bootstrap, str(ASKS)]
    with subprocess.Popen(arguments, cwd=ROOT) as asking:
        while asking.poll() is None:
            for number in (signal.SIGSTOP, signal.SIGCONT):
                broker.send(number)
                time.sleep(chance.random() * FLICKER_SECONDS_MAX)  # the length is the fault
    assert asking.returncode == 0
