"""Puts the workload on an installation's command topic, once for every contender."""

import os
import time
from collections.abc import Callable, Iterable
from itertools import chain

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.topics import REDEMPTION_COMMANDS
from services.local.keys import make_keys, seals_for
from services.local.machine import Machine
from services.runtime.kafka_settings import plain_producer_settings
from services.runtime.topic_admin import settings_of
from tests.benchmarks.workload import POLICY, Message, Workload

TOLD_EVERY = 100_000
FLUSH_SECONDS = 60.0
WAIT = 30
# Every policy of the benchmark: nothing lapses while slower contenders read on for minutes.
HOLD_SECONDS = 86_400


def policy() -> dict[str, object]:
    """The workload's policy with holds that outlive the run."""
    channels = {
        name: {**channel, "hold_seconds": HOLD_SECONDS}
        for name, channel in POLICY["channels"].items()
    }
    return {**POLICY, "channels": channels}


def prepared(machine: Machine) -> None:
    """Topics, database, keys and policy of the installation.

    Its commands are kept uncompressed: clients in pure Python read no lz4.
    """
    machine.folder.mkdir(parents=True, exist_ok=True)
    make_keys(machine.seal_keys, POLICY["channels"])
    name = REDEMPTION_COMMANDS.named(machine.namespace)
    config = settings_of(REDEMPTION_COMMANDS, story=False, replication=1)
    make_topics(machine.infra.bootstrap, [name], {**config, "compression.type": "uncompressed"})
    machine.prepare(policy(), time.time_ns() // 1_000_000)


def make_topics(bootstrap: str, names: Iterable[str], config: dict[str, str]) -> None:
    """New topics of as many partitions as an embedded installation has."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_topics([NewTopic(n, 4, 1, config=config) for n in names]).values():
        made.result(WAIT)


def drop_topics(bootstrap: str, prefix: str) -> None:
    """Give the disk back that a contender's outputs took."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    names = [name for name in admin.list_topics(timeout=WAIT).topics if name.startswith(prefix)]
    if names:
        for gone in admin.delete_topics(names).values():
            gone.result(WAIT)


def workload_of(machine: Machine, accounts: int, seed: int = 1) -> Workload:
    """The workload, sealed with this installation's keys; nobody's clock is ahead."""
    return Workload(
        seals_for(machine.seal_keys, "channel-pos"),
        seals_for(machine.seal_keys, "service"),
        start=time.time_ns() // 1_000_000 - 3_600_000,
        accounts=accounts,
        seed=seed,
    )


def publish(
    machine: Machine, workload: Workload, count: int, say: Callable[[str], None]
) -> dict[str, float]:
    """Open the accounts and send so many commands; bytes and seconds."""
    settings = {**plain_producer_settings(machine.infra.bootstrap), "compression.type": "none"}
    producer = Producer({**settings, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000})
    name = REDEMPTION_COMMANDS.named(machine.namespace)
    began, size = time.perf_counter(), 0
    for number, message in enumerate(chain(workload.opening(), workload.commands(count)), 1):
        size += len(message.key) + len(message.value)
        send(producer, name, message)
        if number % TOLD_EVERY == 0:
            say(f"  published {number:,}")
    if producer.flush(FLUSH_SECONDS):
        raise KafkaException("the workload did not reach Kafka in time")
    return {"bytes": size, "seconds": round(time.perf_counter() - began, 1)}


def send(producer: Producer, topic: str, message: Message) -> None:
    """One message, when there is room."""
    while True:
        try:
            producer.produce(topic, message.value, message.key, headers=list(message.headers))
            return
        except BufferError:
            producer.poll(0.1)


def load_average() -> float:
    """Of the last minute: said beside every figure."""
    return round(os.getloadavg()[0], 1)
