"""Where the time of a worker's loop goes: nanoseconds by stage, taken at the seams between them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from services.redemption import balance
from services.runtime import deciding
from services.runtime.admission import Admission
from services.runtime.deciding import Deciding
from services.runtime.partitions import Partition
from services.runtime.staging import Staging
from services.runtime.worker import Worker

# Where one stage ends and the next begins; a stage within another is not counted twice.
SEAMS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("read", deciding, "read_command"),
    ("admit", Admission, "turned_away"),
    ("load", Deciding, "_load"),
    ("decide", balance, "decide"),
    ("evolve", balance, "evolve"),
    ("fact", Staging, "fact"),
    ("answer", Deciding, "_answer"),
    ("rows", Staging, "finish"),
    ("apply", Partition, "apply"),
    ("sweep", Worker, "_sweep"),
)


@dataclass
class Stopwatch:
    """Nanoseconds by stage; time in an inner stage is taken off the outer one."""

    spent: dict[str, int] = field(default_factory=dict)
    inner: list[int] = field(default_factory=lambda: [0])

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted."""
        spent, inner, clock = self.spent, self.inner, time.perf_counter_ns

        def call(*arguments: Any, **named: Any) -> Any:
            inner.append(0)
            began = clock()
            try:
                return function(*arguments, **named)
            finally:
                whole = clock() - began
                spent[stage] = spent.get(stage, 0) + whole - inner.pop()
                inner[-1] += whole

        return call

    def watch(self) -> None:
        """Time every seam from now on, for the life of this process."""
        for stage, owner, name in SEAMS:
            setattr(owner, name, self.timed(stage, getattr(owner, name)))
