"""What one transaction of a worker holds, and who the worker is."""

from dataclasses import dataclass, field
from typing import Final

from services.runtime.ports import TopicPartition
from services.runtime.staging import Staging

RECORDS_MAX: Final = 5_000
RECORDS_MIN: Final = 10
BATCH_SECONDS: Final = 0.25


@dataclass(slots=True)
class Batch:
    """What one transaction will hold."""

    stagings: dict[TopicPartition, Staging] = field(default_factory=dict)
    forgotten: dict[TopicPartition, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.stagings)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a worker is: group, static member, transactional id (equal for one slot)."""

    group: str
    slot: str


class BatchSize:
    """How many records a batch may have, so that deciding on it takes about BATCH_SECONDS.

    How the log is cut into batches changes no decision.
    """

    def __init__(self) -> None:
        self.records = RECORDS_MAX
        self._latest = 0

    def shrink(self) -> None:
        """A batch did not get in: the next is smaller, should its size be the reason."""
        self.records = max(RECORDS_MIN, min(self.records, self._latest or self.records) // 2)

    def learn(self, records: int, seconds: float) -> None:
        """A batch of so many records took so long; one record may hold many commands."""
        self._latest = records
        if seconds > BATCH_SECONDS:
            self.shrink()
        elif records == self.records:
            self.records = min(RECORDS_MAX, self.records * 2)
