"""Named crash points: `SCRIP_CRASH_AT=point:n` ends the process at the n-th pass of a point.

`point:n:freeze` stops it there (SIGSTOP) instead: it goes on, unknowing, when somebody wakes it
(SIGCONT), as a machine does that was suspended. The catalogue is complete: a point that is not in
it cannot be asked for, and the crash tests kill a process at every one of them. Passes are counted
in the whole process, whichever loop makes them.
"""

import itertools
import os
import signal
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Final, Protocol

EXIT_STATUS: Final = 86


class Point(StrEnum):
    """Where a process can be ended; a name says what has just happened, or is about to."""

    # The log, seen from a worker or a sink (crashing_log).
    BEFORE_JOIN = "before_join"
    ASSIGNED = "assigned"
    REVOKED = "revoked"
    POLLED = "polled"
    BEFORE_COMMITTED = "before_committed"
    AFTER_COMMITTED = "after_committed"
    STARTED_AT = "started_at"
    END_SEEN = "end_seen"
    SLICE_READ = "slice_read"
    BEFORE_PRODUCER = "before_producer"
    AFTER_PRODUCER = "after_producer"
    PRODUCER_ABANDONED = "producer_abandoned"
    # A transaction of a worker or an outbox.
    BEFORE_BEGIN = "before_begin"
    AFTER_BEGIN = "after_begin"
    FACT_PRODUCED = "fact_produced"
    REPLY_PRODUCED = "reply_produced"
    COMMAND_PRODUCED = "command_produced"
    DEAD_LETTER_PRODUCED = "dead_letter_produced"
    BALANCE_PRODUCED = "balance_produced"
    ROW_PRODUCED = "row_produced"
    PROGRESS_PRODUCED = "progress_produced"
    AFTER_PRODUCE = "after_produce"
    AFTER_OFFSETS = "after_offsets"
    AFTER_FLUSH = "after_flush"
    BATCH_DROPPED = "batch_dropped"
    OUTCOME_UNKNOWN = "outcome_unknown"
    # A worker's own steps.
    SWEEP_SENT = "sweep_sent"
    AFTER_COMMIT = "after_commit"
    BETWEEN_APPLIES = "between_applies"
    AFTER_APPLY = "after_apply"
    # A sink.
    SINK_PLACED = "sink_placed"
    SINK_BEFORE_WRITE = "sink_before_write"
    SINK_BEFORE_POSITION = "sink_before_position"
    SINK_AFTER_POSITION = "sink_after_position"
    SINK_AFTER_ROWS = "sink_after_rows"
    SINK_AFTER_WRITE = "sink_after_write"
    SINK_AWAY = "sink_away"
    # An outbox.
    OUTBOX_RESTORED = "outbox_restored"
    OUTBOX_READ = "outbox_read"
    OUTBOX_BEFORE_BEGIN = "outbox_before_begin"
    OUTBOX_BEFORE_COMMIT = "outbox_before_commit"
    OUTBOX_AFTER_COMMIT = "outbox_after_commit"
    OUTBOX_IN_DOUBT = "outbox_in_doubt"
    # A settlement run; "claimed" and the like: done in a transaction that is not committed yet.
    RUN_ORDERED = "run_ordered"
    RUN_CLAIMED = "run_claimed"
    RUN_STARTED = "run_started"
    RUN_NETTED = "run_netted"
    RUN_CALCULATED = "run_calculated"
    RUN_HANDED_IN = "run_handed_in"
    RUN_SIGNED = "run_signed"
    RUN_APPROVED = "run_approved"
    RUN_PINNED = "run_pinned"
    RUN_FILE_MADE = "run_file_made"
    RUN_FILED = "run_filed"
    RUN_SENDING_SAID = "run_sending_said"
    RUN_SENDING = "run_sending"
    BANK_BEFORE_WRITE = "bank_before_write"
    BANK_WRITTEN = "bank_written"
    BANK_RENAMED = "bank_renamed"
    RUN_TAKEN = "run_taken"
    RUN_DELIVERY_NOTED = "run_delivery_noted"
    RUN_TRANSMITTED = "run_transmitted"
    RUN_DUE = "run_due"
    RUN_SETTLED = "run_settled"
    RUN_CLOSED = "run_closed"
    RUN_ADVANCED = "run_advanced"


class CrashPointUnknownError(ValueError):
    """There is no such point, pass or fate; the message says what there is."""


class CrashPoints(Protocol):
    """Somebody who may end the process where it stands."""

    def at(self, point: Point) -> None:
        """Pass a named point."""
        ...


class NoCrash:
    """Nobody crashes."""

    def at(self, point: Point) -> None:
        """Go on."""


class CrashFromEnvironment:
    """Meets its fate without a word at the point and pass that were asked for."""

    def __init__(self, point: Point, pass_: int, fate: str = "die") -> None:
        self._point = point
        self._pass = pass_
        self._fate = FATES[fate]
        self._passes = itertools.count(1)  # loops run in threads; counting is one step

    def at(self, point: Point) -> None:
        """Die or freeze here, if this is the one."""
        if point is self._point and next(self._passes) == self._pass:
            self._fate()


def read_request(request: str) -> tuple[Point, int, str]:
    """`point`, `point:n` or `point:n:freeze`; the first pass if unsaid.

    Raises CrashPointUnknownError.
    """
    name, _, rest = request.partition(":")
    count, _, fate = rest.partition(":")
    if name not in set(Point):
        raise CrashPointUnknownError(f"no crash point {name!r}; there are {', '.join(Point)}")
    if not (count or "1").isdecimal() or int(count or 1) < 1:
        raise CrashPointUnknownError(f"pass {count!r} of {name} is no number from 1")
    if (fate or "die") not in FATES:
        raise CrashPointUnknownError(f"no fate {fate!r} at {name}; there are {', '.join(FATES)}")
    return Point(name), int(count or 1), fate or "die"


@cache
def crash_points(request: str | None) -> CrashPoints:
    """The crash points of a setting, the same for all loops of the process; None: nobody crashes.

    Raises CrashPointUnknownError.
    """
    return CrashFromEnvironment(*read_request(request)) if request else NoCrash()


def _die() -> None:
    os._exit(EXIT_STATUS)


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


FATES: Final[dict[str, Callable[[], None]]] = {"die": _die, "freeze": _freeze}
