"""A producer on librdkafka without transactions: records that may get lost or come twice."""

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from services.runtime.kafka_settings import sender_settings
from services.runtime.records import Staged

_log = structlog.get_logger()


class KafkaSender:
    """Writes at once, outside any transaction.

    What could not be written is a warning, at the latest when the next is sent.
    """

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._prefix = prefix
        self._producer = Producer(sender_settings(bootstrap))

    def send(self, staged: Staged) -> None:
        """Write a record soon, or not at all."""
        topic = self._prefix + staged.topic
        assert staged.partition is not None, staged
        try:
            self._producer.produce(
                topic,
                staged.value,
                staged.key,
                staged.partition,
                on_delivery=_told,
                timestamp=staged.timestamp,
                headers=list(staged.headers),
            )
        except (KafkaException, BufferError) as error:
            _log.warning("not_sent", topic=topic, partition=staged.partition, cause=str(error))
        self._producer.poll(0)


def _told(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        place = {"topic": message.topic(), "partition": message.partition()}
        _log.warning("not_sent", **place, cause=error.str())
