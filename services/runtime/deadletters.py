"""Dead letters: what could not be read, bytes untouched, with where it was and why."""

from typing import Final

from schemas.topics import DEADLETTERS
from services.runtime.records import Headers, Record
from services.runtime.staging import Staging

CAUSE_MAX: Final = 500
# Compressed, a record of a megabyte may hold any number of them; what a letter leaves out stands
# where it came from for as long as commands are kept.
LETTER_BYTES_MAX: Final = 16 * 1024 * 1024
TOPIC: Final = "scrip-topic"
PARTITION: Final = "scrip-partition"
OFFSET: Final = "scrip-offset"
CAUSE: Final = "scrip-cause"


def bury(staging: Staging, record: Record, cause: str, partitions: int) -> None:
    """Stage the record as a dead letter; it leaves in the transaction of its offset."""
    theirs, key, value = record.headers, record.key, record.value
    size = _size(record)
    if size > LETTER_BYTES_MAX:
        theirs, key, value = (), None, None
        where = f"{record.topic}/{record.partition} at {record.offset}"
        cause = f"{cause[: CAUSE_MAX // 2]}; its {size} bytes stand in {where} only"
    headers: Headers = (
        *theirs,
        (TOPIC, record.topic.encode()),
        (PARTITION, str(record.partition).encode()),
        (OFFSET, str(record.offset).encode()),
        (CAUSE, cause[:CAUSE_MAX].encode()),
    )
    partition = record.partition % partitions
    staging.out(DEADLETTERS, key, value, headers, partition)


def _size(record: Record) -> int:
    parts = (record.key, record.value, *(value for _, value in record.headers))
    return sum(len(part) for part in parts if part is not None)


def read_dead_letter(record: Record) -> dict[str, str | int]:
    """Where a dead letter came from, and why it is one."""

    def text(name: str) -> str:
        return (record.header(name) or b"").decode("utf-8", "replace")

    return {
        "topic": text(TOPIC),
        "partition": int(text(PARTITION) or -1),
        "offset": int(text(OFFSET) or -1),
        "cause": text(CAUSE),
    }
