"""Reads many partitions of Kafka at once: to assign one by one costs more than to read them."""

from collections.abc import Mapping
from time import monotonic
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from services.runtime.kafka_log import KafkaLog
from services.runtime.kafka_reader import as_record
from services.runtime.kafka_settings import reader_settings
from services.runtime.ports import TopicPartition as Place
from services.runtime.records import Record

RECORDS_MAX: Final = 10_000
# An open transaction is decided within the brokers' limit of 15 s.
DECIDED_SECONDS_MAX: Final = 30.0


class UndecidedError(RuntimeError):
    """Records stay in doubt beyond the limit of transactions; look at the brokers."""


class BulkReader:
    """Committed records of many partitions; what is in doubt at their ends is waited for."""

    def __init__(self, log: KafkaLog) -> None:
        self._prefix = log.prefix
        self._consumer = Consumer(reader_settings(log.bootstrap, "read_committed"))

    def read(
        self, starts: Mapping[Place, int], ends: Mapping[Place, int]
    ) -> tuple[dict[Place, list[Record]], dict[Place, int]]:
        """What stands from `starts` up to `ends` at least, and the positions after it.

        Raises UndecidedError.
        """
        found: dict[Place, list[Record]] = {place: [] for place in starts}
        positions = dict(starts)
        waiting = {place for place, at in starts.items() if at < ends[place]}
        self._consumer.assign(
            [TopicPartition(self._prefix + p[0], p[1], starts[p]) for p in waiting]
        )
        deadline = monotonic() + DECIDED_SECONDS_MAX
        while waiting:
            if monotonic() > deadline:
                raise UndecidedError(
                    f"in doubt for {DECIDED_SECONDS_MAX:.0f} s: {sorted(waiting)[0]}"
                )
            for message in self._consumer.consume(1, 0.1) + self._consumer.consume(RECORDS_MAX, 0):
                error, topic, offset = message.error(), message.topic(), message.offset()
                assert topic is not None
                assert offset is not None
                place = (topic[len(self._prefix) :], int(message.partition() or 0))
                if error is None:
                    found[place].append(as_record(message, self._prefix))
                    positions[place] = max(positions[place], offset + 1)
                elif error.code() == KafkaError._PARTITION_EOF:
                    positions[place] = max(positions[place], offset)
                else:
                    raise KafkaException(error)
                if positions[place] >= ends[place]:
                    waiting.discard(place)
        self._consumer.unassign()
        return found, positions
