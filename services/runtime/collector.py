"""Python's collector of objects that only hold each other: it looks at all only while nobody waits.

Deciding leaves none behind, and what a core keeps (rows it will use again) is a few hundred
thousand objects: to look at them takes a tenth of a second, in which no command is answered.
"""

import gc
import time
from collections.abc import Callable
from typing import Final

# New objects are looked at, few at a time (some 5 ms on two busy cores); those that outlive it not.
NEW_OBJECTS: Final = 2_500
_NEVER: Final = 1_000_000_000
IDLE_SECONDS: Final = 60.0
BUSY_SECONDS: Final = 3_600.0


def leave_rows_alone() -> None:
    """What was restored lives as long as the process, and what is kept nearly: no more of them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, _NEVER, _NEVER)


class Collector:
    """Looks at everything when a round found nothing to do, or when an hour has passed without."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._looked = seconds()

    def after_round(self, busy: bool) -> None:
        """A loop has gone round once; was there anything to do?"""
        now = self._seconds()
        if now - self._looked > (BUSY_SECONDS if busy else IDLE_SECONDS):
            gc.collect()
            self._looked = self._seconds()
