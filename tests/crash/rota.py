"""Who dies where: each process goes through its own list of points, one death after the other."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from services.runtime.crash import Point
from tests.crash.fleet import Fleet

DEATH_SECONDS_MAX: Final = 45.0
LOOK_SECONDS: Final = 0.02
BEGINNINGS: Final = (
    Point.BEFORE_JOIN,
    Point.ASSIGNED,
    Point.BEFORE_COMMITTED,
    Point.AFTER_COMMITTED,
    Point.STARTED_AT,
    Point.END_SEEN,
    Point.SLICE_READ,
    Point.BEFORE_PRODUCER,
    Point.AFTER_PRODUCER,
)
BATCHES: Final = (
    Point.POLLED,
    Point.BEFORE_BEGIN,
    Point.AFTER_BEGIN,
    Point.FACT_PRODUCED,
    Point.PROGRESS_PRODUCED,
    Point.AFTER_PRODUCE,
    Point.AFTER_OFFSETS,
    Point.AFTER_FLUSH,
    Point.AFTER_COMMIT,
    Point.BETWEEN_APPLIES,
    Point.AFTER_APPLY,
)
DECISIONS: Final = (
    Point.REPLY_PRODUCED,
    Point.COMMAND_PRODUCED,
    Point.ROW_PRODUCED,
    Point.DEAD_LETTER_PRODUCED,
)
BALANCES: Final = (Point.BALANCE_PRODUCED, Point.SWEEP_SENT)
SINKS: Final = (
    Point.SINK_PLACED,
    Point.SINK_BEFORE_WRITE,
    Point.SINK_BEFORE_POSITION,
    Point.SINK_AFTER_POSITION,
    Point.SINK_AFTER_ROWS,
    Point.SINK_AFTER_WRITE,
)
# Only when something happens to the worker from outside.
PROVOKED: Final = (
    Point.REVOKED,
    Point.BATCH_DROPPED,
    Point.PRODUCER_ABANDONED,
    Point.SINK_AWAY,
    Point.OUTBOX_IN_DOUBT,
)
BY_NETWORK: Final = (Point.OUTCOME_UNKNOWN,)
OUTBOXES: Final = (
    Point.OUTBOX_RESTORED,
    Point.OUTBOX_READ,
    Point.OUTBOX_BEFORE_BEGIN,
    Point.OUTBOX_BEFORE_COMMIT,
    Point.OUTBOX_AFTER_COMMIT,
)
RUNS: Final = tuple(p for p in Point if p.startswith(("run_", "bank_")))
AT_WORK: Final = (*BEGINNINGS, *BATCHES, *DECISIONS, *BALANCES, *SINKS)
DECIDING: Final = ("redemption/a", "issuance/0")
ALL: Final = (*DECIDING, "ledger/0", "settlement/0")


def can_die_at(point: Point) -> tuple[str, ...]:
    """The processes that pass a point while they do their ordinary work."""
    if point in BALANCES:
        return DECIDING[:1]
    if point in DECISIONS:
        return DECIDING
    if point in SINKS:
        return ALL[2:]
    # Derived topics see few partitions at once; ordinary work there is still a batch at a time.
    return ALL


@dataclass
class Rota:
    """Starts each process to die at its next point, until the lists are empty."""

    fleet: Fleet
    chance: random.Random
    lists: dict[str, deque[Point]] = field(default_factory=dict)
    died: list[tuple[str, str]] = field(default_factory=list)
    _at: dict[str, str | None] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    def deal(self, points: Iterable[Point]) -> None:
        """Spread points over the processes that can die there, evenly and by chance."""
        for point in points:
            able = can_die_at(point)
            fewest = min(len(self.lists.get(name, ())) for name in able)
            chosen = [name for name in able if len(self.lists.get(name, ())) == fewest]
            self.lists.setdefault(self.chance.choice(chosen), deque()).append(point)

    def start(self) -> None:
        """Start every process, those with a list to die."""
        for name in ALL:
            self._next(name)

    def run(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until every list is empty and every process runs; no point may be missed."""
        while any(self._at.values()):
            meanwhile()
            for name in [name for name, at in self._at.items() if at]:
                if self.fleet.crashed(name):
                    self.died.append((name, str(self._at[name])))
                    self._next(name)
                elif time.monotonic() - self._since[name] > DEATH_SECONDS_MAX:
                    said = self.fleet.log_end(name)
                    raise AssertionError(f"{name} never came to {self._at[name]}\n{said}")
            time.sleep(LOOK_SECONDS)  # a look at a condition, bounded by the deadline

    def _next(self, name: str) -> None:
        points = self.lists.get(name)
        point = points.popleft() if points else None
        early = point is not None and point in (*BEGINNINGS, *SINKS, *BALANCES)
        pass_ = 1 if early or point is None else self.chance.randrange(1, 4)
        self._at[name] = f"{point}:{pass_}" if point is not None else None
        self._since[name] = time.monotonic()
        self.fleet.start(name, self._at[name])
