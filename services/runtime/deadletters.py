"""Dead letters: what could not be read, bytes untouched, with where it was and why."""

from typing import Final

from schemas.topics import DEADLETTERS
from services.runtime.records import Headers, Record
from services.runtime.staging import Staging

CAUSE_MAX: Final = 500
TOPIC: Final = "scrip-topic"
PARTITION: Final = "scrip-partition"
OFFSET: Final = "scrip-offset"
CAUSE: Final = "scrip-cause"


def bury(staging: Staging, record: Record, cause: str, partitions: int) -> None:
    """Stage the record as a dead letter; it leaves in the transaction of its offset."""
    headers: Headers = (
        *record.headers,
        (TOPIC, record.topic.encode()),
        (PARTITION, str(record.partition).encode()),
        (OFFSET, str(record.offset).encode()),
        (CAUSE, cause[:CAUSE_MAX].encode()),
    )
    partition = record.partition % partitions
    staging.out(DEADLETTERS, record.key, record.value, headers, partition)


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
