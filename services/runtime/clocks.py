"""Clocks: the machine's, and one that stands where it was put (stories, simulation)."""

import time


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self.wall()

    def wall(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000

    def reached(self, now: int) -> None:
        """The log's time moves no machine's clock."""


class LogClock(SystemClock):
    """The story's clock as a worker knows it: the latest time its partitions have reached."""

    def __init__(self) -> None:
        self._now = 0

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._now

    def reached(self, now: int) -> None:
        """A partition's time is `now`."""
        self._now = max(self._now, now)


class SetClock:
    """A clock that only moves when told to, and never back."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._now

    def wall(self) -> int:
        """Milliseconds since 1970 UTC; where this clock is, there is no other."""
        return self._now

    def reached(self, now: int) -> None:
        """The log's time moves it only when it is moved."""

    def move(self, now: int) -> None:
        """Move on to `now`; an earlier instant leaves it where it is."""
        self._now = max(self._now, now)
