"""Where the processor of a worker's loop is: looked at many times a second, by stage."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from services.redemption import balance
from services.runtime import deciding
from services.runtime.admission import Admission
from services.runtime.answering import Answering
from services.runtime.deciding import Deciding
from services.runtime.partitions import Partition
from services.runtime.staging import Staging
from services.runtime.sweeping import Sweeper

LOOK_SECONDS: Final = 0.001
# Where one stage ends and the next begins.
SEAMS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("read", deciding, "read_command"),
    ("admit", Admission, "turned_away"),
    ("load", Deciding, "_load"),
    ("decide", balance, "decide"),
    ("evolve", balance, "evolve"),
    ("fact", Deciding, "_fact"),
    ("fact", Staging, "fact"),
    ("answer", Answering, "first"),
    ("rows", Staging, "finish"),
    ("apply", Partition, "apply"),
    ("sweep", Sweeper, "send"),
)


class Sampler:
    """Counts looks by the innermost stage; processor time only, so load changes no share.

    Timing every seam by the clock counts what other processes take, and costs a command several
    microseconds. The kernel's timer ticks every few milliseconds, whatever was asked for.
    """

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}
        self._stages = {getattr(owner, name).__code__: stage for stage, owner, name in SEAMS}

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look while this lasts."""
        before = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, LOOK_SECONDS, LOOK_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        stage = None
        while frame is not None and stage is None:
            stage = self._stages.get(frame.f_code)
            frame = frame.f_back
        stage = stage or "loop"
        self.seen[stage] = self.seen.get(stage, 0) + 1

    def shares(self, whole: float) -> dict[str, float]:
        """The whole, divided as it was seen."""
        looks = sum(self.seen.values())
        return {stage: round(whole * self.seen[stage] / looks, 2) for stage in sorted(self.seen)}
