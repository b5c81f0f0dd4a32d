"""A transactional producer on librdkafka: in, dropped, refused or unknown, and never in between."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka import TopicPartition as KafkaPartition

from services.runtime.bounded import BoundedCalls, CallHangsError
from services.runtime.crash import CrashPoints, Point
from services.runtime.kafka_refusals import refusal_of
from services.runtime.kafka_settings import transactional_settings
from services.runtime.ports import (
    BatchDroppedError,
    OutcomeUnknownError,
    RecordRefusedError,
    TopicPartition,
)
from services.runtime.records import Marked, Staged

WAIT: Final = 5.0
COMMIT_WAIT: Final = 5.0
SLACK: Final = 1.0
_ANY: Final = -1  # whichever partition the key's murmur2 says

_log = structlog.get_logger()


class Reports:
    """Does the next producer of an identity ask about each record what became of it?

    A commit fails by itself where a record is not in, so that asking only costs (2 µs a record).
    Which record it was, and whether it will ever be taken, is asked once a batch was dropped.
    """

    def __init__(self) -> None:
        self.wanted = False


class KafkaProducer:
    """A transactional producer."""

    def __init__(
        self, bootstrap: str, prefix: str, identity: str, crash: CrashPoints, reports: Reports
    ) -> None:
        self._prefix = prefix
        self._reports = reports
        self._crash = crash
        self._failed: KafkaError | None = None
        self._refusal: str | None = None
        self._calls = BoundedCalls(f"{identity} offsets")
        self._producer = Producer(transactional_settings(bootstrap, identity))
        while True:
            try:
                self._producer.init_transactions(WAIT)
                return
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
                _log.warning("waiting_for_kafka", identity=identity, error=str(error))

    def begin(self) -> None:
        """Open a transaction."""
        self._failed, self._refusal = None, None
        try:
            self._producer.begin_transaction()
        except KafkaException as error:
            raise BatchDroppedError(str(error)) from error

    def produce(self, staged: Staged) -> None:
        """Write a record in it."""
        told: Callable[[KafkaError | None, Message], None] | None = None
        if type(staged) is Marked:
            told = partial(self._on_marked, staged)
        elif self._reports.wanted:
            told = self._on_delivery
        more: dict[str, Any] = {"headers": list(staged.headers)} if staged.headers else {}
        try:
            self._producer.produce(
                self._prefix + staged.topic,
                staged.value,
                staged.key,
                _ANY if staged.partition is None else staged.partition,
                on_delivery=told,
                timestamp=staged.timestamp,
                **more,
            )
        except KafkaException as error:
            refusal = refusal_of(error.args[0], staged.topic)
            raise self._told(
                RecordRefusedError(refusal) if refusal else BatchDroppedError(str(error))
            ) from error
        except BufferError as error:
            raise BatchDroppedError(str(error)) from error

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed = error
            self._refusal = self._refusal or refusal_of(error, message.topic() or "")

    def _on_marked(self, marked: Marked, error: KafkaError | None, message: Message) -> None:
        self._on_delivery(error, message)
        offset = message.offset()
        if error is None and offset is not None and offset >= 0:
            marked.offset = offset

    def _told(self, dropped: BatchDroppedError) -> BatchDroppedError:
        """Why it was dropped, as far as the reports say; the next producer asks for them."""
        self._reports.wanted = True
        try:
            self._producer.poll(0)
        except (KafkaException, SystemError) as error:
            # Fenced for good, and told once more: whose name it is now, the group will be asked.
            _log.warning("kafka_says", error=str(error))
        if self._refusal is None or isinstance(dropped, RecordRefusedError):
            return dropped
        return RecordRefusedError(self._refusal)

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """Commit records and group offsets together."""
        try:
            self._commit(offsets, metadata)
            self._reports.wanted = False
        except BatchDroppedError as cause:
            told = self._told(cause)
            if told is cause:
                raise
            raise told from cause

    def _commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        try:
            if offsets:
                places = [
                    KafkaPartition(self._prefix + topic, number, offset)
                    for (topic, number), offset in offsets.items()
                ]
                self._calls.call(
                    lambda: self._producer.send_offsets_to_transaction(
                        places, metadata, COMMIT_WAIT
                    ),
                    COMMIT_WAIT + SLACK,
                )
            self._crash.at(Point.AFTER_OFFSETS)
            left = self._producer.flush(COMMIT_WAIT)
        except (KafkaException, CallHangsError) as error:
            raise BatchDroppedError(str(error)) from error
        except SystemError as error:
            # A fence that `flush` finds on the way reaches us so, the client's fault behind it, or
            # nothing at all. No commit was asked for yet: dropping is right whatever it was.
            if not isinstance(error.__cause__, KafkaException | None):
                raise
            raise BatchDroppedError(str(error.__cause__ or error)) from error
        if left or self._failed is not None:
            raise BatchDroppedError(f"{left} records not written: {self._failed}")
        self._crash.at(Point.AFTER_FLUSH)
        try:
            self._producer.commit_transaction(COMMIT_WAIT)
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                raise BatchDroppedError(str(error)) from error
            raise OutcomeUnknownError(str(error)) from error

    def abandon(self) -> None:
        """Given up: the next producer of this identity ends what is open."""
        self._calls.close()
        self._producer.purge()
