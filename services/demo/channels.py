"""The channels of the demo: they publish the day's lines as they are, each with its own seal."""

from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from confluent_kafka import KafkaError, Message, Producer

from schemas.instants import parse_instant
from services.local.keys import SERVICE, seals_for
from services.local.machine import Machine
from services.runtime.kafka_settings import plain_producer_settings
from services.runtime.ports import TopicPartition
from services.runtime.records import Headers
from services.runtime.seals import Seals
from services.runtime.telling import broadcast

FLUSH_SECONDS_MAX: Final = 30.0


class NotPublishedError(RuntimeError):
    """Kafka did not take a record; the message says why. Look at the broker, then start again."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record to publish: `at` in ms UTC; `said` is its envelope, None for mere bytes."""

    topic: str
    channel: str | None
    at: int
    key: bytes
    value: bytes
    said: dict[str, Any] | None


def read_day(path: Path) -> list[Line]:
    """The lines of a day, in order of arrival."""
    with path.open("rb") as opened:
        return list(_lines(opened))


def _lines(opened: Iterable[bytes]) -> Iterator[Line]:
    for text in opened:
        row = orjson.loads(text)
        said: dict[str, Any] | None = row.get("value")
        key = row["key"] if said is None else said["subject"]
        value = b64decode(row["raw"]) if said is None else orjson.dumps(said)
        at = parse_instant(row["at"])
        yield Line(row["topic"], row["channel"], at, key.encode(), value, said)


class Channels:
    """Publishes lines and moves the story's clock; knows where the last of them stand."""

    def __init__(self, machine: Machine, channels: Iterable[str]) -> None:
        self._machine = machine
        self._log = machine.log()
        self._producer = Producer(plain_producer_settings(machine.infra.bootstrap))
        keys = machine.seal_keys
        self._seals: dict[str, Seals] = {
            name: seals_for(keys, f"channel-{name}") for name in channels
        }
        self._service = seals_for(keys, SERVICE)
        self._failed: KafkaError | None = None
        self.ends: dict[TopicPartition, int] = {}

    def publish(self, lines: Iterable[Line]) -> None:
        """Hand records to Kafka with their own time; `flush` tells whether it has them."""
        for line in lines:
            seals = self._seals[line.channel] if line.channel is not None else None
            headers = seals.seal(line.topic, line.key, line.value) if seals is not None else ()
            self._produce(line.topic, None, line.at, line.key, line.value, headers)

    def tell_clock(self, now: int) -> None:
        """It is `now` (ms UTC) in every partition of every command topic."""
        told = broadcast(
            "clock_moved",
            "service/story",
            {},
            time=now,
            partitions=self._machine.partitions,
            seals=self._service,
        )
        for one in told:
            self._produce(one.topic, one.partition, now, one.key, one.value, one.headers)

    def flush(self) -> None:
        """Wait until Kafka has everything. Raises NotPublishedError."""
        left = self._producer.flush(FLUSH_SECONDS_MAX)
        if left or self._failed is not None:
            raise NotPublishedError(f"{left} records not taken: {self._failed}")

    def _produce(
        self,
        topic: str,
        partition: int | None,
        at: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        where: dict[str, Any] = {} if partition is None else {"partition": partition}
        self._producer.produce(
            self._log.named(topic),
            value=value,
            key=key,
            timestamp=at,
            headers=list(headers),
            on_delivery=self._delivered,
            **where,
        )
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        topic, offset = message.topic(), message.offset()
        if error is not None or topic is None or offset is None:
            self._failed = error
            return
        name = (topic[len(self._log.prefix) :], int(message.partition() or 0))
        self.ends[name] = max(self.ends.get(name, 0), offset + 1)
