"""Broadcasts: the same news into every partition of every command topic."""

from typing import Any

import orjson

from schemas.identifiers import derived
from schemas.instants import format_instant
from schemas.topics import COMMAND_TOPICS
from services.runtime.records import Staged
from services.runtime.seals import Seals


def broadcast(
    type: str, source: str, body: dict[str, Any], *, time: int, partitions: int, seals: Seals
) -> list[Staged]:
    """The records of a broadcast, `time` in ms UTC; the same news has the same id."""
    content = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    key = type.encode()
    envelope = {
        "specversion": "1.0",
        "id": derived(type, content, str(time)),
        "type": f"{type}.v1",
        "source": source,
        "subject": type,
        "time": format_instant(time),
        "data": body,
    }
    value = orjson.dumps(envelope)
    return [
        Staged(topic.name, number, time, key, value, seals.seal(topic.name, key, value))
        for topic in COMMAND_TOPICS
        for number in range(partitions)
    ]
