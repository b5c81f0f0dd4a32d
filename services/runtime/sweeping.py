"""What falls due is sent a little at a time: never so much that commands wait long for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from schemas.decision import Due
from services.runtime.batch import Batch
from services.runtime.crash import CrashPoints, Point
from services.runtime.partitions import Partition
from services.runtime.ports import Log, Sender, TopicPartition
from services.runtime.records import Staged

# Sweeps on their way through the log: whoever writes a command waits behind no more than these.
SWEEPS_AWAITED_MAX: Final = 75

Sweeps = Callable[[Sequence[Due], int, int], Iterable[Staged]]


class Sweeper:
    """Sends what is due on a worker's partitions; `sweeps` makes records of dues.

    It sends outside the worker's transactions, behind which no command is read while they are open.
    What is sent may get lost or come twice: it stays due until a batch has dealt with it, and then
    it is due no more.
    """

    def __init__(self, log: Log, sweeps: Sweeps, crash: CrashPoints) -> None:
        self._log = log
        self._sweeps = sweeps
        self._crash = crash
        self._sender: Sender | None = None

    def send(self, partitions: Mapping[TopicPartition, Partition], batch: Batch, now: int) -> bool:
        """Send what is due by `now` (ms UTC) and not on its way yet; was there anything?

        What `batch` deals with counts as done.
        """
        sent = False
        for sweep in self._due(partitions, batch, now):
            if self._sender is None:
                self._sender = self._log.sender()
            self._sender.send(sweep)
            self._crash.at(Point.SWEEP_SENT)
            sent = True
        return sent

    def _due(
        self, partitions: Mapping[TopicPartition, Partition], batch: Batch, now: int
    ) -> Iterator[Staged]:
        """Of each partition an equal share of what may be awaited."""
        share = max(1, SWEEPS_AWAITED_MAX // max(1, len(partitions)))
        for name, partition in partitions.items():
            if partition.agenda is None or partition.phase != "ready":
                continue
            staging = batch.stagings.get(name)
            handled = {} if staging is None else staging.changed
            room = max(0, share - partition.agenda.awaited(handled))
            yield from self._sweeps(partition.agenda.due(now, room), now, partition.number)
