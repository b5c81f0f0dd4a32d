"""Kafka behind the log port, by librdkafka (confluent-kafka)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
)
from confluent_kafka import (
    TopicPartition as KafkaPartition,
)

from services.runtime.crash import CrashPoints, NoCrash
from services.runtime.kafka_fences import Whose, is_fence, require_name, whose_name
from services.runtime.kafka_producer import KafkaProducer, Reports
from services.runtime.kafka_reader import KafkaReader, arrived, as_record
from services.runtime.kafka_sender import KafkaSender
from services.runtime.kafka_settings import (
    member_settings,
    reader_settings,
)
from services.runtime.ports import (
    Assigned,
    FencedError,
    Membership,
    NotStableYetError,
    Revoked,
    TopicPartition,
)
from services.runtime.records import Record

WAIT: Final = 5.0
_NO_SUCH_TOPIC: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)

_log = structlog.get_logger()


class KafkaLog:
    """One installation (`namespace`) on a Kafka cluster."""

    def __init__(
        self, bootstrap: str, namespace: str = "", crash: CrashPoints | None = None
    ) -> None:
        self.bootstrap = bootstrap
        self.crash = crash or NoCrash()
        self.prefix = f"{namespace}." if namespace else ""
        self._counts: dict[str, int] = {}
        self._reports: dict[str, Reports] = {}
        self._admin = Consumer(reader_settings(bootstrap, "read_uncommitted"))

    def named(self, topic: str) -> str:
        """A topic's name on the cluster."""
        return self.prefix + topic

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has; 0: there is no such topic.

        Raises KafkaException when the broker does not say.
        """
        if topic not in self._counts:
            name = self.named(topic)
            known = self._admin.list_topics(name, timeout=WAIT).topics[name]
            if known.error is not None:
                if known.error.code() in _NO_SUCH_TOPIC:
                    return 0
                raise KafkaException(known.error)
            self._counts[topic] = len(known.partitions)
        return self._counts[topic]

    def consumer(self, group: str, topics: Sequence[str], instance: str) -> "KafkaConsumer":
        """Join a group as a static member."""
        return KafkaConsumer(self, self.prefix + group, topics, self.prefix + instance)

    def producer(self, identity: str) -> KafkaProducer:
        """A producer of this transactional identity; waits, said aloud, while Kafka is away."""
        reports = self._reports.setdefault(identity, Reports())
        name = self.prefix + identity
        return KafkaProducer(self.bootstrap, self.prefix, name, self.crash, reports)

    def sender(self) -> KafkaSender:
        """A producer outside any transaction."""
        return KafkaSender(self.bootstrap, self.prefix)

    def reader(self) -> "KafkaReader":
        """A reader outside any group."""
        return KafkaReader(self.bootstrap, self.prefix)


class KafkaConsumer:
    """A member of a group."""

    def __init__(self, log: KafkaLog, group: str, topics: Sequence[str], instance: str) -> None:
        self._log = log
        self._changes: list[Membership] = []
        self._away = False
        self._fence: str | None = None
        self._held: set[TopicPartition] = set()
        self._name = (group, instance)
        self._subscribed = [log.named(topic) for topic in topics]
        self._consumer = self._joining()

    def _joining(self) -> Consumer:
        settings = member_settings(self._log.bootstrap, *self._name)
        consumer = Consumer({**settings, "error_cb": self._on_error})
        consumer.subscribe(
            self._subscribed,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )
        return consumer

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN and not self._away:
            self._away = True
            _log.warning("kafka_is_away", cause=error.str())

    def _on_assign(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        consumer.incremental_assign(partitions)
        if partitions:
            consumer.pause(partitions)
            self._changes.append(Assigned(self._ours(partitions)))
            self._held.update(self._ours(partitions))

    def _on_revoke(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        if partitions:
            self._changes.append(Revoked(self._ours(partitions)))
            self._held.difference_update(self._ours(partitions))
            consumer.incremental_unassign(partitions)

    def _ours(self, partitions: list[KafkaPartition]) -> tuple[TopicPartition, ...]:
        skip = len(self._log.named(""))
        return tuple((p.topic[skip:], p.partition) for p in partitions)

    def _theirs(self, name: TopicPartition, offset: int | None = None) -> KafkaPartition:
        topic = self._log.named(name[0])
        return (
            KafkaPartition(topic, name[1])
            if offset is None
            else KafkaPartition(topic, name[1], offset)
        )

    def poll(self, records_max: int, timeout: float) -> list[Record]:
        """One wait for the first, then what is queued; `timeout` in seconds."""
        if self._fence is not None:
            self._join_again(self._fence)
            return []
        found: list[Record] = []
        for message in arrived(self._consumer, records_max, timeout):
            error = message.error()
            if error is None:
                found.append(as_record(message, self._log.prefix))
                self._away = False
            elif is_fence(error):
                self._let_all_go(error.str())
                self._join_again(error.str())
                return []
            elif error.fatal() or error.code() == KafkaError._FATAL:
                raise KafkaException(error)
            elif error.code() != KafkaError._PARTITION_EOF:
                _log.warning("kafka_says", error=error.str())
        return found

    def changes(self) -> list[Membership]:
        """What changed in our assignment since the last call."""
        changes, self._changes = self._changes, []
        return changes

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The group's stable offsets; NotStableYetError while a transaction holds one."""
        try:
            found = self._consumer.committed([self._theirs(name) for name in partitions], WAIT)
        except KafkaException as error:
            raise NotStableYetError(str(error)) from error
        for answer in found:
            if answer.error is not None:
                raise NotStableYetError(str(answer.error))
        offsets = (answer.offset if answer.offset >= 0 else None for answer in found)
        return dict(zip(partitions, offsets, strict=True))

    def start_at(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset` and resume, if the partition is still ours."""
        place = self._theirs(partition, offset)
        held = {(p.topic, p.partition) for p in self._consumer.assignment()}
        if (place.topic, place.partition) not in held:
            return
        # Assigning anew sets the position for certain; a seek fails while the fetcher starts.
        self._consumer.incremental_unassign([place])
        self._consumer.incremental_assign([place])
        self._consumer.resume([place])

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Deliver nothing of these for now."""
        held = {(p.topic, p.partition) for p in self._consumer.assignment()}
        places = [self._theirs(name) for name in partitions]
        self._consumer.pause([p for p in places if (p.topic, p.partition) in held])

    def group_metadata(self) -> Any:
        """What proves our generation to the transaction."""
        return self._consumer.consumer_group_metadata()

    def confirm(self) -> None:
        """Is our name in the group still ours? FencedError if another process has it."""
        require_name(self._log.bootstrap, *self._name, self._consumer.memberid() or "")

    def _let_all_go(self, fence: str) -> None:
        """A member at its end holds nothing; its client does not always say so by itself."""
        _log.warning("told_of_a_fence", instance=self._name[1], cause=fence)
        self._fence = fence
        self._changes.append(Revoked(tuple(sorted(self._held))))
        self._held.clear()

    def _join_again(self, fence: str) -> None:
        """The name is another process's now (FencedError), or ours still: then as a new member."""
        member = self._consumer.memberid() or ""
        match whose_name(self._log.bootstrap, *self._name, member):
            case Whose.ANOTHERS:
                raise FencedError(fence)
            case Whose.UNKNOWN:
                return
            case Whose.OURS:
                self._consumer.close()
                self._consumer, self._fence = self._joining(), None
                _log.info("joined_again", instance=self._name[1])

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
