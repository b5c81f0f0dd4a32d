"""What a loop does about a batch that was dropped: again at once, or, if that is vain, aloud."""

from typing import Final

import structlog

from services.runtime.metrics import WAITING
from services.runtime.ports import BatchDroppedError, RecordRefusedError
from services.runtime.waits import Backoff

EVENT: Final = "kafka_refuses_a_record"
# Far below the time in which a member of a group must poll.
REFUSED_SECONDS_MAX: Final = 5.0

_log = structlog.get_logger()


class Dropping:
    """Of one loop. A record that Kafka refuses for good is an error until it is in.

    Nothing is lost and nothing overtakes it: the batch is made again from the same input, each
    time after a rest.
    """

    def __init__(self, loop: str, backoff: Backoff | None = None) -> None:
        self._loop = loop
        self._backoff = backoff or Backoff(longest=REFUSED_SECONDS_MAX)

    @property
    def refused(self) -> bool:
        """Does Kafka not take what this loop has?"""
        return self._backoff.waiting

    def dropped(self, cause: BatchDroppedError, **what: str) -> None:
        """Say it, and `what` was in the batch; rest where trying again at once is vain."""
        if not isinstance(cause, RecordRefusedError):
            _log.warning("batch_dropped", loop=self._loop, cause=str(cause), **what)
            return
        _log.error(EVENT, loop=self._loop, cause=str(cause), **what)
        WAITING.labels(self._loop).set(1)
        self._backoff.wait()

    def committed(self) -> None:
        """It is in."""
        if self._backoff.waiting:
            _log.info("kafka_takes_it_now", loop=self._loop)
            WAITING.labels(self._loop).set(0)
            self._backoff.over()
