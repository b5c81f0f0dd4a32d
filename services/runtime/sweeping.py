"""How much of a worker's time what falls due may take: never so much that commands wait for it."""

from collections.abc import Mapping
from typing import Final

from services.runtime.batch import Batch
from services.runtime.partitions import Partition
from services.runtime.ports import TopicPartition

# Sweeps on their way through the log: whoever writes a command waits behind no more than these.
SWEEPS_AWAITED_MAX: Final = 100


def room_for_sweeps(
    partitions: Mapping[TopicPartition, Partition], batch: Batch
) -> dict[TopicPartition, int]:
    """How many sweeps each partition may send now: an equal share of what may be awaited."""
    share = max(1, SWEEPS_AWAITED_MAX // max(1, len(partitions)))
    room = {}
    for name, partition in partitions.items():
        if partition.agenda is not None:
            staging = batch.stagings.get(name)
            handled = staging.changed if staging is not None else {}
            room[name] = max(0, share - partition.agenda.awaited(handled))
    return room
