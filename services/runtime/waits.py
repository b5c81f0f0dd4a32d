"""Waiting for something that is away: longer each time, never longer than a few seconds."""

import threading
from collections.abc import Callable
from typing import Final

FIRST_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 2.0
_NEVER: Final = threading.Event()


def rest(seconds: float) -> None:
    """Nothing to do: look again after so many seconds."""
    _NEVER.wait(seconds)


class Backoff:
    """How long to leave something alone that did not answer; `resting` waits so many seconds."""

    def __init__(
        self, resting: Callable[[float], None] = rest, longest: float = LONGEST_SECONDS
    ) -> None:
        self._rest = resting
        self._longest = longest
        self._next = FIRST_SECONDS
        self.waiting = False

    def wait(self) -> None:
        """Leave it alone for a while."""
        self.waiting = True
        self._rest(self._next)
        self._next = min(self._next * 2, self._longest)

    def over(self) -> None:
        """It answers again."""
        self.waiting = False
        self._next = FIRST_SECONDS
