"""What goes wrong, and where: one seeded decision at every boundary between a process and a port.

Separate from the workload (what is asked) and from the checks (what must hold).
"""

from collections import Counter
from collections.abc import Callable, Mapping
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
AWAY: Final = "database away"
CUT: Final = "database cut off"
LOST: Final = "acknowledgement lost"

# Per boundary: how often each fault strikes, of a thousand passes.
RATES: Final[Mapping[str, Mapping[str, int]]] = {
    "join": {KILL: 10},
    "changes": {KILL: 2, FREEZE: 4},
    "metadata": {KILL: 2, FREEZE: 6},
    "poll": {KILL: 3, FREEZE: 6},
    "polled": {KILL: 10, FREEZE: 30},
    "committed": {KILL: 10, FREEZE: 10, UNSTABLE: 40},
    "end": {KILL: 5, FREEZE: 8},
    "read": {KILL: 5, FREEZE: 8},
    "producer": {KILL: 10, FREEZE: 10},
    "before_begin": {KILL: 10, FREEZE: 10},
    "begin": {KILL: 10, FREEZE: 15, DROP: 8},
    "produce": {KILL: 3, FREEZE: 4, DROP: 1},
    "send_offsets": {KILL: 12, FREEZE: 20, DROP: 12},
    "commit": {
        KILL: 20,
        KILL_AFTER: 20,
        FREEZE: 20,
        FREEZE_AFTER: 10,
        DROP: 10,
        UNKNOWN_IN: 30,
        UNKNOWN_OUT: 30,
    },
    "after_commit": {KILL: 12, FREEZE: 12},
    "between_applies": {KILL: 8, FREEZE: 8},
    "after_apply": {KILL: 6, FREEZE: 6},
    "outbox_before_begin": {KILL: 30, FREEZE: 30},
    "outbox_before_commit": {KILL: 30, FREEZE: 30},
    "outbox_after_commit": {KILL: 50, FREEZE: 30},
    "sink_before_write": {KILL: 15, FREEZE: 20},
    "database": {KILL: 10, KILL_AFTER: 15, FREEZE: 10, AWAY: 20, CUT: 20, LOST: 30},
    # Within the database's transaction: one connection serves all, so nobody stands still there.
    "sink_before_position": {KILL: 8},
    "sink_after_position": {KILL: 8},
    "sink_after_rows": {KILL: 12},
    "sink_after_write": {KILL: 15, FREEZE: 15},
}


class Killed(BaseException):
    """The process dies here (kill -9): nothing of it runs any further."""


class Faults:
    """Decides at every boundary whether something goes wrong, and remembers what did."""

    def __init__(self, chance: Random, *, rates: Mapping[str, Mapping[str, int]] = RATES) -> None:
        self.on = True
        self.schedule: list[str] = []
        self.struck: Counter[str] = Counter()
        self.freeze: Callable[[str], None] = lambda process: None
        self.step = 0
        self._chance = chance
        self._rates = rates

    def at(self, process: str, boundary: str) -> str | None:
        """Pass a boundary: may raise Killed, may freeze; else what the port is to do wrong."""
        fault = self._drawn(boundary) if self.on else None
        if fault is None:
            return None
        self.note(fault, f"{process} at {boundary}")
        if fault == KILL:
            raise Killed(process)
        if fault == FREEZE:
            self.freeze(process)
            return None
        return fault

    def note(self, fault: str, where: str) -> None:
        """A fault that struck."""
        self.struck[fault] += 1
        self.schedule.append(f"step {self.step}: {fault}: {where}")

    def _drawn(self, boundary: str) -> str | None:
        drawn = self._chance.random() * 1000
        for fault, rate in self._rates.get(boundary, {}).items():
            drawn -= rate
            if drawn < 0:
                return fault
        return None
