"""What goes wrong, and where: one seeded decision at every boundary between a process and a port.

Separate from the workload (what is asked) and from the checks (what must hold).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

KILL: Final = "kill"
KILL_AFTER: Final = "kill after"
FREEZE: Final = "freeze"
FREEZE_AFTER: Final = "freeze after"
DROP: Final = "drop"
UNKNOWN_IN: Final = "unknown, in"
UNKNOWN_OUT: Final = "unknown, not in"
UNSTABLE: Final = "offsets not stable"
SLOW: Final = "nothing comes for a while"
AWAY: Final = "away"
CUT: Final = "cut off"
LOST: Final = "acknowledgement lost"
NOT_SENT: Final = "sent and lost"
SENT_LATE: Final = "sent and late"
SENT_TWICE: Final = "sent twice"
FORGOTTEN: Final = "acknowledged and not kept"

Rates = Mapping[str, Mapping[str, int]]
# What a batch decides on: the type of a command, and the state of its account or card before.
Deed = tuple[str, str]
# Within a transaction of the database one connection serves all, so nobody stands still there.
INSIDE: Final = (
    "sink_before_position sink_after_position sink_after_rows run_claimed run_netted run_signed "
    "run_file_made run_sending_said run_delivery_noted run_settled run_closed"
).split()
BETWEEN: Final = (
    "after_produce sweep_sent after_commit between_applies after_apply sink_placed "
    "sink_before_write sink_after_write sink_away outbox_restored outbox_read outbox_before_begin "
    "outbox_before_commit outbox_after_commit outbox_in_doubt run_ordered run_started "
    "run_calculated run_handed_in run_approved run_pinned run_filed run_sending run_taken "
    "run_transmitted run_due run_advanced"
).split()
# Per boundary: how often each fault strikes, of a thousand passes.
RATES: Final[Rates] = {
    "join": {KILL: 6},
    "changes": {KILL: 2, FREEZE: 3},
    "metadata": {KILL: 2, FREEZE: 6},
    "poll": {KILL: 2, FREEZE: 3},
    "polled": {KILL: 11, FREEZE: 44},
    "committed": {KILL: 6, FREEZE: 8, UNSTABLE: 22},
    "end": {KILL: 3, FREEZE: 6},
    "read": {KILL: 3, FREEZE: 4, SLOW: 14},
    "producer": {KILL: 8, FREEZE: 8},
    "before_begin": {KILL: 11, FREEZE: 11},
    "begin": {KILL: 6, FREEZE: 11, DROP: 11},
    "after_begin": {KILL: 8, FREEZE: 8},
    "produce": {KILL: 3, FREEZE: 3, DROP: 2},
    "send": {KILL: 3, FREEZE: 3, NOT_SENT: 20, SENT_LATE: 30, SENT_TWICE: 30},
    "send_offsets": {KILL: 14, FREEZE: 22, DROP: 16},
    "commit": {
        KILL: 22,
        KILL_AFTER: 22,
        FREEZE: 16,
        FREEZE_AFTER: 11,
        DROP: 14,
        UNKNOWN_IN: 33,
        UNKNOWN_OUT: 33,
    },
    "database": {KILL: 6, KILL_AFTER: 8, FREEZE: 6, AWAY: 8, CUT: 11, LOST: 14, FORGOTTEN: 10},
    "bank": {KILL: 22, KILL_AFTER: 33, FREEZE: 16, AWAY: 22, LOST: 22},
    **{point: {KILL: 8} for point in INSIDE},
    **{point: {KILL: 11, FREEZE: 11} for point in BETWEEN},
}


# How a fault meets a batch that is decided and on its way into the log.
BEFORE: Final = frozenset(
    ("before_begin", "begin", "after_begin", "produce", "after_produce", "send_offsets")
)
BEHIND: Final = frozenset(("after_commit", "between_applies", "after_apply"))
LABELS: Final = (
    *("killed before", "killed behind", "dropped", UNKNOWN_IN, UNKNOWN_OUT),
    *("stands still before", "stands still behind"),
)


def label_of(boundary: str, fault: str) -> str | None:
    """How a batch fares by a fault at a boundary; None: it is not decided there."""
    on_its_way = boundary in BEFORE or (boundary == "commit" and fault in (KILL, FREEZE, DROP))
    if not on_its_way and boundary not in BEHIND and boundary != "commit":
        return None
    match fault:
        case "kill" | "kill after":
            return "killed before" if on_its_way else "killed behind"
        case "freeze" | "freeze after":
            return "stands still before" if on_its_way else "stands still behind"
        case "drop":
            return "dropped"
        case _:
            return fault


class Killed(BaseException):
    """The process dies here (kill -9): nothing of it runs any further."""


class Faults:
    """Decides at every boundary whether something goes wrong, and remembers what did.

    `kept` are the numbers of those that may strike (None: all), for a story that is to be shorter.
    """

    def __init__(
        self, chance: Random, *, rates: Rates = RATES, kept: frozenset[int] | None = None
    ) -> None:
        self.on = True
        self.schedule: list[tuple[int, str]] = []
        self.struck: Counter[str] = Counter()
        self.places: Counter[tuple[str, str, str]] = Counter()
        self.cells: Counter[tuple[str, str, str]] = Counter()
        self.decisions: Counter[tuple[str, str, str]] = Counter()
        self.freeze: Callable[[str], None] = lambda process: None
        self.step = 0
        self._chance = chance
        self._rates = rates
        self._kept = kept
        self._drawn_so_far = 0

    def at(self, process: str, boundary: str, batch: Sequence[Deed] = ()) -> str | None:
        """Pass a boundary: may raise Killed, may freeze; else what the port is to do wrong.

        `batch` is what the process is about.
        """
        if not self.on:
            return None
        fault = self.drawn(boundary, batch)
        if fault is None or not self.may():
            return None
        self.note(fault, f"{process} at {boundary}")
        self.places[process.partition("/")[0], boundary, fault] += 1
        label = label_of(boundary, fault)
        if label is not None:
            for type, state in batch:
                self.cells[type, state, label] += 1
        if fault == KILL:
            raise Killed(process)
        if fault == FREEZE:
            self.freeze(process)
            return None
        return fault

    def may(self) -> bool:
        """May the next fault that was drawn strike?"""
        self._drawn_so_far += 1
        return self._kept is None or self._drawn_so_far - 1 in self._kept

    def note(self, fault: str, where: str) -> None:
        """A fault that struck."""
        self.struck[fault] += 1
        self.schedule.append((self._drawn_so_far - 1, f"step {self.step}: {fault}: {where}"))

    def drawn(self, boundary: str, batch: Sequence[Deed]) -> str | None:
        """What goes wrong here, if anything; subclasses have their own mind."""
        drawn = self._chance.random() * 1000
        for fault, rate in self._rates.get(boundary, {}).items():
            drawn -= rate
            if drawn < 0:
                return fault
        return None
