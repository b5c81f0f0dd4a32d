"""The transaction of one batch: written while the batch is still being decided, ended at once."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.runtime.crash import CrashPoints, Point
from services.runtime.ports import BatchDroppedError, Producer, TopicPartition
from services.runtime.records import Staged


class Transaction:
    """Begun with the first record that is shipped, so that a batch of nothing costs nothing.

    What is shipped early is on its way to the log while the rest is decided; none of it is true
    before `commit`. What goes wrong on the way is told by `commit`: until then the batch goes on,
    for all that was polled belongs to it and has to be read again together.
    """

    def __init__(self, producer: Producer, crash: CrashPoints) -> None:
        self._producer = producer
        self._crash = crash
        self._begun = False
        self._dropped: BatchDroppedError | None = None

    def ship(self, records: Iterable[Staged]) -> None:
        """Write records in it, in order."""
        if self._dropped is not None:
            return
        produce = self._producer.produce
        try:
            if not self._begun:
                self._begin()
            for staged in records:
                produce(staged)
        except BatchDroppedError as cause:
            self._dropped = cause

    def _begin(self) -> None:
        self._crash.at(Point.BEFORE_BEGIN)
        self._producer.begin()
        self._begun = True
        self._crash.at(Point.AFTER_BEGIN)

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """Commit records and group offsets together.

        Raises OutcomeUnknownError, BatchDroppedError (nothing happened) or FencedError.
        """
        self._crash.at(Point.AFTER_PRODUCE)
        if self._dropped is not None:
            raise self._dropped
        self._producer.commit(offsets, metadata)
