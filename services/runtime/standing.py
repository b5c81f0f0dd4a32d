"""When a store's rows are believed: while the log still tells all that they lack.

A compacted topic forgets what was deleted, a day after it was first cleaned. Rows that have not
taken a deletion keep what it deleted; so a store is read on from only if whatever it lacks was
written less than a day ago when the reading ends. What it may lack was written after its
`known_until`: an instant read from this machine's clock before its batch was committed, or before
the ends its restore was to reach were asked for. How long the process stood still before it wrote
the store, and when that write was, says nothing. A copy of a disk is as old as what it copied.
"""

from collections.abc import Mapping
from typing import Final

from schemas.instants import DAY, HOUR
from services.runtime.ports import Standing

# `delete.retention.ms` of our compacted topics (services/runtime/topic_admin.py sets it).
TOMBSTONES_KEPT: Final = DAY
# How old what a store knows may be when reading on begins, and when it ends.
BELIEVED_AGE_MAX: Final = 12 * HOUR
RESTORED_AGE_MAX: Final = 18 * HOUR
# The rest is for clocks: that of the machine that wrote, of the one that reads, of the brokers.
CLOCKS_APART_MAX: Final = TOMBSTONES_KEPT - RESTORED_AGE_MAX
# Behind the last record of a transaction there is its marker, and nothing else.
MARKER: Final = 1


def lacks_something(standing: Standing, ends: Mapping[str, int]) -> bool:
    """Was anything written behind its place? If not, nothing was deleted there either."""
    return any(end > standing.offsets.get(name, 0) + MARKER for name, end in ends.items())


def disbelieved(standing: Standing, ends: Mapping[str, int], now: int) -> str | None:
    """Why not to read on from here at `now` (ms UTC), if so; `ends` are those of its topics."""
    if not lacks_something(standing, ends):
        return None
    age = now - standing.known_until
    if age > BELIEVED_AGE_MAX:
        return f"too old to read on from: {age // 1000} s"
    if age < -CLOCKS_APART_MAX:
        return f"written {-age // 1000} s ahead of this machine's clock"
    return None


def read_too_long(known_until: int, now: int) -> str | None:
    """Why what was read up to `now` does not count, if so: something deleted may be missing."""
    age = now - known_until
    return f"it took too long to read: {age // 1000} s" if age > RESTORED_AGE_MAX else None
