"""Reads many partitions of Kafka at once: to assign one by one costs more than to read them."""

from collections.abc import Mapping
from time import monotonic
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.runtime.kafka_log import KafkaLog
from services.runtime.kafka_reader import arrived, as_record
from services.runtime.kafka_settings import reader_settings
from services.runtime.ports import TopicPartition as Place
from services.runtime.records import Record
from services.runtime.slices import SILENCE_SECONDS_MAX, SilentLogError

RECORDS_MAX: Final = 10_000
LOOK_SECONDS: Final = 0.1

_log = structlog.get_logger()


class BulkReader:
    """Committed records of many partitions; what is in doubt at their ends is waited for."""

    def __init__(self, log: KafkaLog) -> None:
        self._prefix = log.prefix
        self._consumer = Consumer(reader_settings(log.bootstrap, "read_committed"))

    def read(
        self, starts: Mapping[Place, int], ends: Mapping[Place, int]
    ) -> tuple[dict[Place, list[Record]], dict[Place, int]]:
        """What stands from `starts` up to `ends` at least, and the positions after it.

        Raises SilentLogError.
        """
        found: dict[Place, list[Record]] = {place: [] for place in starts}
        positions = dict(starts)
        waiting = {place for place, at in starts.items() if at < ends[place]}
        self._consumer.assign(
            [TopicPartition(self._prefix + p[0], p[1], starts[p]) for p in waiting]
        )
        heard = monotonic()
        while waiting:
            for message in arrived(self._consumer, RECORDS_MAX, LOOK_SECONDS):
                place, record, at = self._taken(message)
                if place not in found:
                    continue
                if record is not None:
                    found[place].append(record)
                    heard = monotonic()
                positions[place] = max(positions[place], at)
                if positions[place] >= ends[place]:
                    waiting.discard(place)
            if waiting and monotonic() > heard + SILENCE_SECONDS_MAX:
                place = min(waiting)
                raise SilentLogError(*place, positions[place], ends[place])
        self._consumer.unassign()
        return found, positions

    def _taken(self, message: Message) -> tuple[Place, Record | None, int]:
        """Where, what was read there if anything, and the position after it."""
        error, offset = message.error(), message.offset()
        place = ((message.topic() or "")[len(self._prefix) :], int(message.partition() or 0))
        if error is None:
            record = as_record(message, self._prefix)
            return place, record, record.offset + 1
        if error.code() == KafkaError._PARTITION_EOF:
            assert offset is not None
            return place, None, offset
        if error.fatal():
            raise KafkaException(error)
        _log.warning("kafka_says", topic=place[0], error=error.str())
        return place, None, 0
