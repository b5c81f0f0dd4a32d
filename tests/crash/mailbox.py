"""Where replies arrive, with the instant at which they could be read."""

import threading
import time
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition

from schemas.topics import ISSUANCE_REPLIES, REDEMPTION_REPLIES
from services.runtime.kafka_settings import reader_settings
from tests.crash.publishing import Channel, Sent


class Mailbox(threading.Thread):
    """Takes replies as they are committed; whoever waits for one is told."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(name="mailbox", daemon=True)
        machine = channel.machine
        settings = {**reader_settings(machine.infra.bootstrap, "read_committed")}
        self._consumer = Consumer({**settings, "enable.partition.eof": False})
        self._consumer.assign(
            [
                TopicPartition(topic.named(machine.namespace), number, 0)
                for topic in (ISSUANCE_REPLIES, REDEMPTION_REPLIES)
                for number in range(machine.partitions)
            ]
        )
        self._arrived = threading.Condition()
        self._replies: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self._ended = False

    def run(self) -> None:
        """Until it is ended."""
        while not self._ended:
            for message in self._consumer.consume(200, 0.02):
                if message.error() is None:
                    said = orjson.loads(message.value() or b"")
                    key = (said["subject"], said["data"]["command"])
                    with self._arrived:
                        self._replies.setdefault(key, (time.monotonic_ns(), said["data"]))
                        self._arrived.notify_all()
        self._consumer.close()

    def wait(self, sent: Sent, seconds: float) -> tuple[int, dict[str, Any]] | None:
        """When the reply came (ns) and what it says; None: not in time."""
        key = (sent.subject, sent.id)
        with self._arrived:
            self._arrived.wait_for(lambda: key in self._replies, seconds)
            return self._replies.get(key)

    def end(self) -> None:
        """Stop reading."""
        self._ended = True
        self.join(10)
