"""Python's collector of objects that only hold each other: it looks for them while nobody waits.

Deciding leaves none behind. What a core keeps (rows it may use again) is some hundred thousand
objects for each partition: to look at those of two takes a tenth of a second, in which no command
is answered. So nothing is looked at twice that was there when the collector last looked.
"""

import gc
import time
from collections.abc import Callable
from typing import Final

# New objects are looked at as they come, few at a time (a millisecond); what outlives that, later.
NEW_OBJECTS: Final = 2_500
_NEVER: Final = 1_000_000_000
IDLE_SECONDS: Final = 60.0
BUSY_SECONDS: Final = 3_600.0


def leave_rows_alone() -> None:
    """What was restored lives as long as the process, and what is kept nearly: no more of them."""
    gc.set_threshold(NEW_OBJECTS, _NEVER, _NEVER)
    _look()


def _look() -> None:
    """Once at all that is new since the last time; what is in use is never looked at again.

    It goes when nobody refers to it; only what comes to hold just itself later than this stays.
    """
    gc.collect()
    gc.freeze()


class Collector:
    """Looks at what is new when a round found nothing to do, or when an hour passed without."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._looked = seconds()

    def after_round(self, busy: bool) -> None:
        """A loop has gone round once; was there anything to do?"""
        now = self._seconds()
        if now - self._looked > (BUSY_SECONDS if busy else IDLE_SECONDS):
            _look()
            self._looked = now
