"""What a round of faults has done: every real death and every other fault, counted by its kind.

`SCRIP_CRASH_TALLY` names a file: then a round may be run in parts, each adding a line to it, and
the last part, `test_whole_round.py`, judges the sum of them.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from services.runtime.crash import Point

AT_POINT: Final = "killed at a named point"
KILL_9: Final = "kill -9"
FROZEN_AT_POINT: Final = "frozen at a named point, woken later"
FROZEN: Final = "SIGSTOP, woken later"
TERMINATED: Final = "SIGTERM"
BROKER: Final = "broker killed"
DATABASE: Final = "database stopped at once"
LOST_KAFKA: Final = "commits to Kafka whose answer was lost"
LOST_POSTGRES: Final = "commits to PostgreSQL whose answer was lost"
JOINED: Final = "members joined or left in a storm"
DISK_FULL: Final = "disk full under a store"
HELD: Final = "installations held to every invariant"
FACTS: Final = "facts checked"
KILLS: Final = (AT_POINT, KILL_9)
FILE: Final = "SCRIP_CRASH_TALLY"


@dataclass
class Tally:
    """`points` and `frozen` count deaths and freezes at each named point."""

    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    frozen: Counter[str] = field(default_factory=Counter)

    @property
    def kills(self) -> int:
        """Processes of ours that died without a word."""
        return sum(self.faults[kind] for kind in KILLS)

    def died_at(self, point: Point) -> None:
        """A process died at a named point."""
        self.faults[AT_POINT] += 1
        self.points[point.value] += 1

    def froze_at(self, point: Point) -> None:
        """A process was frozen at a named point."""
        self.faults[FROZEN_AT_POINT] += 1
        self.frozen[point.value] += 1

    def held(self, facts: int) -> int:
        """An installation at rest broke no invariant; its facts again."""
        self.faults[HELD] += 1
        self.faults[FACTS] += facts
        return facts

    def add(self, other: "Tally") -> None:
        """Take another part of the round in."""
        self.faults += other.faults
        self.points += other.points
        self.frozen += other.frozen

    def lines(self) -> list[str]:
        """For people."""
        said = [f"{count:>8,}  {kind}" for kind, count in sorted(self.faults.items()) if count]
        return [
            *said,
            f"{self.kills:>8,}  real kills in all, at {len(self.points)} of {len(Point)} points; "
            f"frozen at {len(self.frozen)} of them",
        ]

    def write(self, file: Path) -> None:
        """Add it as a line."""
        with file.open("ab") as opened:
            opened.write(orjson.dumps(vars(self)) + b"\n")


def earlier_parts() -> Tally | None:
    """The sum of the parts that were run before; None: the round is not run in parts."""
    name = os.environ.get(FILE)
    if not name:
        return None
    whole = Tally()
    file = Path(name)
    for line in file.read_bytes().splitlines() if file.exists() else ():
        said = {name: Counter(counts) for name, counts in orjson.loads(line).items()}
        whole.add(Tally(**said))
    return whole
