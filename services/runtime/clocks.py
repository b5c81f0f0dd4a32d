"""Clocks: the machine's, and one that stands where it was put (stories, simulation)."""

import time


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000


class SetClock:
    """A clock that only moves when told to, and never back."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._now

    def move(self, now: int) -> None:
        """Move on to `now`; an earlier instant leaves it where it is."""
        self._now = max(self._now, now)
