"""What one transaction of a worker holds, and who the worker is."""

from dataclasses import dataclass, field

from services.runtime.ports import TopicPartition
from services.runtime.records import Staged
from services.runtime.staging import Staging


@dataclass(slots=True)
class Batch:
    """What one transaction will hold."""

    stagings: dict[TopicPartition, Staging] = field(default_factory=dict)
    sweeps: list[Staged] = field(default_factory=list)
    forgotten: dict[TopicPartition, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.stagings or self.sweeps)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a worker is: group, static member, transactional id (equal for one slot)."""

    group: str
    slot: str
