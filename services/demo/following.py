"""Follows every topic while the day goes on: how far each service is, and what has come of it."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from schemas.topics import POLICY, TOPICS
from services.runtime.advance import PROGRESS, read_progress
from services.runtime.kafka_reader import arrived, as_record
from services.runtime.kafka_settings import reader_settings
from services.runtime.ports import TopicPartition as Place

RECORDS_MAX: Final = 5_000


class Follower:
    """One reader of all partitions, from their beginning; committed records only.

    `counts` is {topic: records so far}; `progress` {(input topic, partition): next offset} of the
    services that decide or derive (a topic that two of them read has the slower one's).
    """

    def __init__(self, bootstrap: str, prefix: str, partitions: int) -> None:
        settings = reader_settings(bootstrap, "read_committed") | {"enable.partition.eof": False}
        self._consumer = Consumer(settings)
        self._prefix = prefix
        topics = [topic.name for topic in TOPICS if topic is not POLICY]
        self._consumer.assign(
            [TopicPartition(prefix + name, n, 0) for name in topics for n in range(partitions)]
        )
        self.counts: Counter[str] = Counter()
        self._progress: dict[tuple[str, str, int], int] = {}

    def look(self, seconds_max: float) -> int:
        """Take what has come, waiting at most so long for the first; how many records."""
        messages = arrived(self._consumer, RECORDS_MAX, seconds_max)
        for message in messages:
            if message.error() is not None:
                continue
            record = as_record(message, self._prefix)
            self.counts[record.topic] += 1
            key = (record.key or b"").decode("utf-8", "replace")
            if key.startswith(PROGRESS) and record.value is not None:
                name = (record.topic, key.removeprefix(PROGRESS), record.partition)
                self._progress[name] = read_progress(record.value).next
        return len(messages)

    def passed(self, needs: Mapping[Place, int]) -> bool:
        """Has every service that reads these partitions come this far?"""
        readers: dict[str, set[str]] = {}
        for memory, topic, _ in self._progress:
            readers.setdefault(topic, set()).add(memory)
        return all(
            self._progress.get((memory, topic, number), 0) >= needed
            for (topic, number), needed in needs.items()
            for memory in readers.get(topic, {""})
        )

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
