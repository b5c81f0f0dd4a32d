"""How Kafka says that another process has our name now, and whether that is so.

Its client says it in several ways, and also when nobody has the name but itself: a member that did
not hear of the broker for a session joins anew, and whatever it had under way with its old id is
then told of a fence (its issue 3437). Who really has a name sends heartbeats and keeps it; a member
that nobody is, is forgotten after a session.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from services.runtime.kafka_settings import QUIET, SESSION_MS
from services.runtime.ports import FencedError
from services.runtime.waits import rest

WAIT: Final = 5.0
ASK_SECONDS: Final = 0.5
LIVES_SECONDS: Final = SESSION_MS / 1000 + 2.0
_CODES: Final = (KafkaError.FENCED_INSTANCE_ID, KafkaError._FENCED)
_ID_LENGTH: Final = 37  # a static member's id is its name, "-" and a UUID

_log = structlog.get_logger()


class Whose(StrEnum):
    """Whose name it is, as far as the group says."""

    OURS = "ours"
    ANOTHERS = "anothers"
    UNKNOWN = "unknown"


def is_fence(error: KafkaError) -> bool:
    """Does it say so? A member is told by a general code and its text (the client's issue 869)."""
    return error.code() in _CODES or (error.code() == KafkaError._FATAL and "fenced" in error.str())


def whose(
    holder: Callable[[], str | None],
    member: str,
    *,
    seconds: Callable[[], float] = time.monotonic,
    resting: Callable[[float], None] = rest,
) -> Whose:
    """Ask until it is certain; `holder` answers a member's id, "" if there is none, None: unsaid.

    Another member has the name if it keeps it for longer than one that nobody is. That nobody has
    it must be said twice: a broker that comes back does not know all of its groups at once.
    """
    before: str | None = None
    since = seconds()
    while True:
        found = holder()
        if found is None:
            return Whose.UNKNOWN
        if found == member or (found == "" and before == ""):
            return Whose.OURS
        if before and found and found != before:
            return Whose.ANOTHERS  # it changes hands, and not by us
        if found and seconds() - since > LIVES_SECONDS:
            return Whose.ANOTHERS
        before = found
        resting(ASK_SECONDS)


def whose_name(bootstrap: str, group: str, instance: str, member: str, wait: float = WAIT) -> Whose:
    """Whose `instance` is in its group, if `member` was told that it is not its own."""
    admin = AdminClient({**QUIET, "bootstrap.servers": bootstrap})
    return whose(lambda: _holder(admin, group, instance, wait), member)


def require_name(
    bootstrap: str, group: str, instance: str, member: str, wait: float = WAIT
) -> None:
    """FencedError if `instance` is another member than `member` in its group.

    `member` is empty while we join. A broker that is away, or a group without that name, says
    nothing against us: then the next transaction is what tells.
    """
    if not member:
        return
    if whose_name(bootstrap, group, instance, member, wait) is Whose.ANOTHERS:
        raise FencedError(f"{instance} is another process in {group}")


def _holder(admin: AdminClient, group: str, instance: str, wait: float) -> str | None:
    """The id of the member that has the name; "": none has; None: nobody says.

    Not by `describe_consumer_groups`: if that has timed out when the coordinator comes back, an
    assertion in the client ends the whole process.
    """
    try:
        found = admin.list_groups(group, timeout=wait)
    except KafkaException as error:
        _log.warning("nobody_says_whose_name_it_is", instance=instance, error=str(error))
        return None
    errors: list[KafkaError | None] = [one.error for one in found]
    if any(errors):
        _log.warning("nobody_says_whose_name_it_is", instance=instance, error=str(errors))
        return None
    ids = [str(member.id) for one in found for member in one.members]
    return next((id for id in ids if id[:-_ID_LENGTH] == instance), "")
