"""librdkafka's settings for money, in one place: who we are, how long we wait, who owns a key."""

from typing import Any, Final

# librdkafka's own default puts most keys elsewhere than Java and aiokafka do: two owners of a card.
PARTITIONER: Final = {"partitioner": "murmur2_random"}
# We say ourselves what we wait for; librdkafka would say every refused connection.
QUIET: Final = {"log_level": 2}
# A use of 200 lines drawn on 100 lots is a fact of some megabytes: with a bound of one it would be
# a command that no worker gets past. Commands themselves stay at the megabyte of the broker.
RECORD_BYTES_MAX: Final = 32 * 1024 * 1024
SESSION_MS: Final = 6_000
# Who stays learns by its next heartbeat that a member is gone: this adds to the session's time.
HEARTBEAT_MS: Final = 500
POLL_INTERVAL_MS: Final = 30_000
TRANSACTION_MS: Final = 5_000
MESSAGE_MS: Final = 4_000
SENT_MS: Final = 30_000


def member_settings(bootstrap: str, group: str, slot: str) -> dict[str, Any]:
    """A static member of a group that reads committed records only."""
    return {
        **QUIET,
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "group.instance.id": slot,
        "client.id": slot,
        "group.protocol": "classic",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "max.poll.interval.ms": POLL_INTERVAL_MS,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "fetch.wait.max.ms": 100,
        "allow.auto.create.topics": False,
    }


def reader_settings(bootstrap: str, isolation: str) -> dict[str, Any]:
    """A reader that joins no group and tells when it is at the end."""
    return {
        **QUIET,
        "bootstrap.servers": bootstrap,
        "group.id": "scrip-reader-outside-any-group",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": isolation,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 20,
        "fetch.error.backoff.ms": 20,
        # A reader that once had enough in its queue would fetch nothing for a second.
        "fetch.queue.backoff.ms": 10,
        "allow.auto.create.topics": False,
    }


def transactional_settings(bootstrap: str, identity: str) -> dict[str, Any]:
    """A transactional producer; `retry.backoff.ms` at its default costs seven times the p50."""
    return {
        **QUIET,
        **PARTITIONER,
        "bootstrap.servers": bootstrap,
        "client.id": identity,
        "transactional.id": identity,
        "enable.idempotence": True,
        "acks": "all",
        "retry.backoff.ms": 1,
        "linger.ms": 1,
        "transaction.timeout.ms": TRANSACTION_MS,
        "message.timeout.ms": MESSAGE_MS,
        "message.max.bytes": RECORD_BYTES_MAX,
        "queue.buffering.max.messages": 1_000_000,
        "compression.type": "lz4",
    }


def sender_settings(bootstrap: str) -> dict[str, Any]:
    """A producer of records that may get lost, or come twice or late."""
    return {
        **QUIET,
        "bootstrap.servers": bootstrap,
        "linger.ms": 0,
        "message.timeout.ms": SENT_MS,
        "message.max.bytes": RECORD_BYTES_MAX,
        "compression.type": "lz4",
    }


def plain_producer_settings(bootstrap: str) -> dict[str, Any]:
    """An idempotent producer without transactions, for channels and tools."""
    return {
        **QUIET,
        **PARTITIONER,
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 2,
        "compression.type": "lz4",
    }
