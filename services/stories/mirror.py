"""Everything committed on a cluster's topics, followed by one consumer and answered from memory."""

from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from services.runtime.kafka_reader import arrived, as_record
from services.runtime.kafka_settings import QUIET, reader_settings
from services.runtime.ports import TopicPartition
from services.runtime.records import Record

WAIT: Final = 10.0
RECORDS_MAX: Final = 5_000


class Mirror:
    """A state reader (ports.py) that stands where `follow` last brought it."""

    def __init__(self, bootstrap: str, prefix: str, partitions: Iterable[TopicPartition]) -> None:
        self._prefix = prefix
        self._records: dict[TopicPartition, list[Record]] = {name: [] for name in partitions}
        self._positions = dict.fromkeys(self._records, 0)
        self._admin: Any = AdminClient({**QUIET, "bootstrap.servers": bootstrap})
        self._consumer = Consumer(reader_settings(bootstrap, "read_committed"))
        self._consumer.assign(
            [KafkaPartition(prefix + topic, number, 0) for topic, number in self._records]
        )

    def ends(self) -> dict[TopicPartition, int]:
        """The ends of all partitions now, including what is in doubt."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {KafkaPartition(self._prefix + t, n): latest for t, n in self._records}
        skip = len(self._prefix)
        return {
            (place.topic[skip:], place.partition): future.result(WAIT).offset
            for place, future in self._admin.list_offsets(asked, request_timeout=WAIT).items()
        }

    def follow(self, timeout: float) -> None:
        """Take over what has come within so many seconds, or what there is."""
        for message in arrived(self._consumer, RECORDS_MAX, timeout):
            error, offset = message.error(), message.offset()
            name = (str(message.topic())[len(self._prefix) :], message.partition() or 0)
            assert offset is not None
            if error is None:
                self._records[name].append(as_record(message, self._prefix))
                self._positions[name] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._positions[name] = max(self._positions[name], offset)
            elif not error.retriable():
                raise KafkaException(error)

    def is_at(self, ends: dict[TopicPartition, int]) -> bool:
        """Has it seen everything up to these ends?"""
        return all(self._positions[name] >= end for name, end in ends.items())

    def last(self, name: TopicPartition) -> int:
        """The offset of the last record of a partition; -1: there is none."""
        records = self._records[name]
        return records[-1].offset if records else -1

    def end_in_doubt(self, topic: str, partition: int) -> int:
        """How far it has seen the partition."""
        return self._positions[topic, partition]

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """Committed records from `start`, and the position after them."""
        found = [record for record in self._records[topic, partition] if record.offset >= start]
        if len(found) > records_max:
            return found[:records_max], found[records_max - 1].offset + 1
        return found, self._positions[topic, partition]

    def close(self) -> None:
        """Stop following."""
        self._consumer.close()
