"""Records that Kafka does not take as they are, however often they are sent, and what helps."""

from typing import Final

from confluent_kafka import KafkaError

_HELP: Final[dict[int, str]] = {
    KafkaError.INVALID_TIMESTAMP: (
        "its time is further ahead of the broker's clock than the topic allows (an hour): set the "
        "clocks right; it leaves by itself once its time has come"
    ),
    KafkaError.MSG_SIZE_TOO_LARGE: (
        "raise max.message.bytes of the topic to what `scrip topics diff` wants"
    ),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "give this user the right to write to the topic",
    KafkaError.INVALID_RECORD: "a compacted topic takes no record without key: look at the topic",
    KafkaError.POLICY_VIOLATION: "look at the broker's policy for records",
}


def refusal_of(error: KafkaError, topic: str) -> str | None:
    """Why this record will be refused again, and what helps; None: it may go in next time."""
    found = _HELP.get(error.code())
    return None if found is None else f"{topic}: {error.str()}: {found}"
