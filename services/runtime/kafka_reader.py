"""Reading Kafka outside any group: state topics on restore, policies, what tools want to see."""

from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from services.runtime.kafka_settings import reader_settings
from services.runtime.records import Record, Row
from services.runtime.waits import rest

WAIT: Final = 5.0
WAIT_READ: Final = 1.0
AGAIN_SECONDS: Final = 0.2

_log = structlog.get_logger()


def arrived(consumer: Consumer, most: int, timeout: float) -> list[Any]:
    """What has come, at most so many messages; waits `timeout` seconds for the first, and no more.

    Asked for many at once, librdkafka would wait for all of them or the whole time.
    """
    messages: list[Any] = consumer.consume(1, timeout)
    if messages and most > 1:
        messages += consumer.consume(most - 1, 0)
    return messages


def as_record(message: Any, prefix: str) -> Record:
    """A message as a record, its topic without the namespace's prefix.

    `Any`: the client's types allow None where a message without an error has none, and asking
    costs a tenth of reading it.
    """
    return _row(message.topic()[len(prefix) :], message.partition(), message.offset(), message)


def _row(topic: str, partition: int, offset: int, message: Any) -> Record:
    """As `as_record`, for where the place is known: a restore reads millions of them."""
    headers: Any = message.headers()
    return Record(
        topic,
        partition,
        offset,
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple([(name, value or b"") for name, value in headers]) if headers else (),
    )


def _after(messages: list[Any], start: int) -> int:
    offset: int = messages[-1].offset() + 1 if messages else start
    return offset


class KafkaReader:
    """Reads topics of state by assignment, committed records only."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._prefix = prefix
        self._ends = Consumer(reader_settings(bootstrap, "read_uncommitted"))
        self._consumer = Consumer(reader_settings(bootstrap, "read_committed"))
        self._standing: tuple[str, int, int] | None = None

    def end_in_doubt(self, topic: str, partition: int) -> int:
        """The end of a partition, including what is not decided yet."""
        place = KafkaPartition(self._prefix + topic, partition)
        while True:
            try:
                watermarks = self._ends.get_watermark_offsets(place, timeout=WAIT, cached=False)
            except KafkaException as error:
                # Also "unknown partition", for as long as the client has no metadata yet.
                _log.warning("waiting_for_kafka", topic=topic, error=str(error))
                rest(AGAIN_SECONDS)
                continue
            if watermarks is not None:
                return watermarks[1]

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """Committed records from `start`, and the position after them (past markers)."""
        found, after = self._messages(topic, partition, start, records_max)
        return [_row(topic, partition, message.offset(), message) for message in found], after

    def rows(self, topic: str, partition: int, start: int, most: int) -> tuple[list[Row], int]:
        """As `read`, but only keys and values."""
        found, after = self._messages(topic, partition, start, most)
        return [(message.key(), message.value()) for message in found], after

    def _messages(self, topic: str, partition: int, start: int, most: int) -> tuple[list[Any], int]:
        if self._standing != (topic, partition, start):
            self._go_to(self._prefix + topic, partition, start)
        found: list[Any] = []
        while len(found) < most:
            messages = arrived(self._consumer, most - len(found), WAIT_READ)
            if not messages:
                break
            for message in messages:
                error = message.error()
                if error is None:
                    found.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._standing = None
                    return found, max(_after(found, start), message.offset())
                else:
                    _log.warning("kafka_says", topic=topic, error=error.str())
        position = _after(found, start)
        self._standing = (topic, partition, position)
        return found, position

    def _go_to(self, name: str, partition: int, start: int) -> None:
        """Read on from there.

        A topic that it does not know yet the client looks up when a second is over, so we ask for
        it: a restore would stand still for half a second at each topic of each partition.
        """
        try:
            self._consumer.list_topics(name, WAIT_READ)
        except KafkaException as error:
            _log.warning("waiting_for_kafka", topic=name, error=str(error))
        self._consumer.assign([KafkaPartition(name, partition, start)])
