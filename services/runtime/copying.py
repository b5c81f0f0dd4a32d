"""Copies of one partition of state in a file, and putting one back where the partition was lost."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, Final

import orjson

from schemas.errors import ScripError
from schemas.topics import TOPICS, Topic
from services.runtime.cli import Said, require_log
from services.runtime.records import Record, Staged
from services.runtime.settings import Settings
from services.runtime.slices import records_now

IDENTITY: Final = "scrip-copy"
BATCH_MAX: Final = 1_000


class NotOfStateError(ScripError):
    """Only topics of state are copied so: readers of facts count by offset, which a copy loses.

    Mirror topics of facts with the broker's own means, offsets and all.
    """


class PartitionHoldsRecordsError(ScripError):
    """The partition is not lost: it holds records, and a copy would be older. Nothing was put."""


def save(settings: Settings, topic: str, number: int, path: Path) -> Said:
    """Write the newest row of every key of a partition to a file, one JSON object a line."""
    name = _of_state(topic).name
    rows: dict[bytes | None, Record] = {}
    for record in records_now(require_log(settings).reader(), name, number):
        rows[record.key] = record
    lines = [orjson.dumps(_line(record)) for record in rows.values() if record.value is not None]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return Said({"rows": len(lines)}, f"{len(lines)} rows of {topic}/{number} in {path}")


def load(settings: Settings, topic: str, number: int, path: Path) -> Said:
    """Put a copy back into a partition that holds nothing any more.

    Whether it is new enough the worker sees: its progress must be the group's offset. Raises
    NotOfStateError, PartitionHoldsRecordsError.
    """
    name = _of_state(topic).name
    log = require_log(settings)
    if next(records_now(log.reader(), name, number), None) is not None:
        raise PartitionHoldsRecordsError(f"{topic}/{number}")
    rows = [_staged(name, number, orjson.loads(line)) for line in path.read_bytes().splitlines()]
    producer = log.producer(IDENTITY)
    for start in range(0, len(rows), BATCH_MAX):
        producer.begin()
        for staged in rows[start : start + BATCH_MAX]:
            producer.produce(staged)
        producer.commit({}, None)
    producer.abandon()
    return Said({"rows": len(rows)}, f"{len(rows)} rows put back into {topic}/{number}")


def _of_state(name: str) -> Topic:
    for topic in TOPICS:
        if topic.name == name and topic.retention == "compacted":
            return topic
    kept = ", ".join(topic.name for topic in TOPICS if topic.retention == "compacted")
    raise NotOfStateError(f"{name} is none of {kept}")


def _line(record: Record) -> dict[str, Any]:
    assert record.value is not None
    assert record.key is not None
    return {
        "key": b64encode(record.key).decode(),
        "value": b64encode(record.value).decode(),
        "timestamp": record.timestamp,
    }


def _staged(topic: str, number: int, line: dict[str, Any]) -> Staged:
    key, value = b64decode(line["key"]), b64decode(line["value"])
    return Staged(topic, number, line["timestamp"], key, value)
