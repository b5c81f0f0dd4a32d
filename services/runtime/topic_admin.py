"""Makes the catalogue's topics on a cluster, and tells where a cluster differs from it."""

from dataclasses import dataclass
from time import monotonic
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stubs hide these
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from schemas.topics import COMMAND_TOPICS, POLICY, TOPICS, Topic
from services.runtime.kafka_settings import QUIET, RECORD_BYTES_MAX
from services.runtime.standing import TOMBSTONES_KEPT
from services.runtime.waits import rest

WAIT: Final = 30
LOOK_SECONDS: Final = 0.05
SEEN_SECONDS_MAX: Final = 30.0
FOREVER: Final = "-1"
UNLIMITED: Final = str(2**63 - 1)
_RETENTION: Final = {
    "forever": {"cleanup.policy": "delete", "retention.ms": FOREVER, "retention.bytes": "-1"},
    "compacted": {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.2",
        "delete.retention.ms": str(TOMBSTONES_KEPT),
    },
    "1 day": {"cleanup.policy": "delete", "retention.ms": str(86_400_000)},
    "90 days": {"cleanup.policy": "delete", "retention.ms": str(90 * 86_400_000)},
}


class TopicRefusedError(Exception):
    """A topic is not as the runner needs it; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: what the catalogue wants, what the cluster has."""

    topic: str
    setting: str
    wanted: str
    found: str


def settings_of(topic: Topic, *, story: bool, replication: int) -> dict[str, str]:
    """The topic's settings; on the story clock senders set the time, and nothing grows old."""
    settings = dict(_RETENTION[topic.retention])
    settings["min.insync.replicas"] = str(max(1, replication - 1))
    if topic not in COMMAND_TOPICS:
        settings["max.message.bytes"] = str(RECORD_BYTES_MAX)
    append = topic.append_time and not story
    settings["message.timestamp.type"] = "LogAppendTime" if append else "CreateTime"
    if story:
        settings["message.timestamp.before.max.ms"] = UNLIMITED
        settings["message.timestamp.after.max.ms"] = UNLIMITED
        if topic.retention != "compacted":
            settings["retention.ms"] = FOREVER
    elif not append:
        # Facts carry the decision's time, which in a replay may be long ago.
        settings["message.timestamp.before.max.ms"] = UNLIMITED
    return settings


class TopicAdmin:
    """The topics of one installation on a cluster."""

    def __init__(self, bootstrap: str, namespace: str, *, story: bool = False) -> None:
        self._admin = AdminClient({**QUIET, "bootstrap.servers": bootstrap})
        self._namespace = namespace
        self._story = story

    def apply(self, partitions: int, replication: int = 1) -> list[str]:
        """Make the topics that are missing; their names. What is there stays as it is."""
        there = self._admin.list_topics(timeout=WAIT).topics
        wanted = [
            NewTopic(
                topic.named(self._namespace),
                num_partitions=1 if topic is POLICY else partitions,
                replication_factor=replication,
                config=settings_of(topic, story=self._story, replication=replication),
            )
            for topic in TOPICS
            if topic.named(self._namespace) not in there
        ]
        if not wanted:
            return []
        made = self._admin.create_topics(wanted, operation_timeout=WAIT, request_timeout=WAIT)
        for future in made.values():
            try:
                future.result(WAIT)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
        self._wait_for({topic.topic for topic in wanted})
        return sorted(made)

    def _wait_for(self, names: set[str]) -> None:
        """The controller has made them; a busy broker hears of it a moment later."""
        deadline = monotonic() + SEEN_SECONDS_MAX
        while unseen := self._unseen(names):
            if monotonic() > deadline:
                raise TopicRefusedError(
                    f"made, and not seen within {SEEN_SECONDS_MAX:.0f} s: {', '.join(unseen)}; "
                    "look at the brokers, then apply again"
                )
            rest(LOOK_SECONDS)

    def _unseen(self, names: set[str]) -> list[str]:
        there = self._admin.list_topics(timeout=WAIT).topics
        return sorted(n for n in names if n not in there or there[n].error is not None)

    def differences(self, replication: int = 1) -> list[Difference]:
        """Where the cluster differs from the catalogue."""
        there = self._admin.list_topics(timeout=WAIT).topics
        found: list[Difference] = []
        names: dict[str, Topic] = {}
        for topic in TOPICS:
            name = topic.named(self._namespace)
            if name in there:
                names[name] = topic
            else:
                found.append(Difference(name, "topic", "exists", "missing"))
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        for resource, future in self._admin.describe_configs(resources).items():
            settings = future.result(WAIT)
            topic = names[resource.name]
            wanted = settings_of(topic, story=self._story, replication=replication)
            for key, value in wanted.items():
                if settings[key].value != value:
                    found.append(Difference(resource.name, key, value, str(settings[key].value)))
        return found

    def identity(self, topics: tuple[Topic, ...]) -> str:
        """Which topics these are, of which cluster: made anew under an old name they differ."""
        names = [topic.named(self._namespace) for topic in topics]
        cluster = self._admin.list_topics(names[0], timeout=WAIT).cluster_id
        found = self._admin.describe_topics(TopicCollection(names), request_timeout=WAIT)
        ids = [f"{name}={found[name].result(WAIT).topic_id}" for name in names]
        return " ".join((f"cluster={cluster}", *ids))

    def check_clock(self, topics: tuple[Topic, ...]) -> None:
        """Command topics must be stamped by the broker; TopicRefusedError if one is not."""
        if self._story:
            return
        names = [topic.named(self._namespace) for topic in topics if topic.append_time]
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        for resource, future in self._admin.describe_configs(resources).items():
            stamp = future.result(WAIT)["message.timestamp.type"].value
            if stamp != "LogAppendTime":
                raise TopicRefusedError(
                    f"{resource.name} has message.timestamp.type={stamp}; "
                    "it must be LogAppendTime: set it, or run `scrip topics apply` on a new one"
                )
