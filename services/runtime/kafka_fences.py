"""How Kafka says that another process has our name now, which its client says in several ways."""

from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from services.runtime.kafka_settings import QUIET
from services.runtime.ports import FencedError

WAIT: Final = 5.0
_CODES: Final = (KafkaError.FENCED_INSTANCE_ID, KafkaError._FENCED)

_log = structlog.get_logger()


def is_fence(error: KafkaError) -> bool:
    """Does it say so? A member is told by a general code and its text (the client's issue 869)."""
    return error.code() in _CODES or (error.code() == KafkaError._FATAL and "fenced" in error.str())


def require_name(
    bootstrap: str, group: str, instance: str, member: str, seconds: float = WAIT
) -> None:
    """FencedError if `instance` is another member than `member` in its group.

    `member` is empty while we join. A broker that is away, or a group without that name, says
    nothing against us: then the next transaction is what tells.
    """
    if not member:
        return
    admin = AdminClient({**QUIET, "bootstrap.servers": bootstrap})
    try:
        asked = admin.describe_consumer_groups([group], request_timeout=seconds)
        members = asked[group].result(seconds).members
    except (KafkaException, TimeoutError) as error:
        _log.warning("nobody_says_whose_name_it_is", instance=instance, error=str(error))
        return
    for one in members:
        if one.group_instance_id == instance and one.member_id != member:
            raise FencedError(f"{instance} is another process in {group}")
