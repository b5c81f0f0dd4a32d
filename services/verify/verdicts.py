"""What the examination of an invariant ends with, and how verdicts read on a terminal."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

BREAKS_KEPT_MAX: Final = 50
BREAKS_SHOWN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Break:
    """Where an invariant does not hold: whose books, which account, which event, and how."""

    detail: str
    entity: str = ""
    account: str = ""
    event: str = ""


@dataclass(slots=True)
class Verdict:
    """One invariant: `checked` things were looked at; `broken` counts every break found.

    Of the breaks the first are kept, a bounded number.
    """

    name: str
    checked: int = 0
    broken: int = 0
    breaks: list[Break] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Was nothing found?"""
        return self.broken == 0

    def add(self, found: Iterable[Break]) -> None:
        """Take breaks over."""
        for one in found:
            self.broken += 1
            if len(self.breaks) < BREAKS_KEPT_MAX:
                self.breaks.append(one)


@dataclass(slots=True)
class Examination:
    """All verdicts, as of one vector {topic/partition: next offset}; `late` says who is behind."""

    verdicts: list[Verdict]
    vector: dict[str, int]
    waited: str
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Do all invariants hold?"""
        return all(verdict.holds for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """The whole of it, for `--json`."""
        return {
            "holds": self.holds,
            "invariants": [
                {
                    "name": verdict.name,
                    "holds": verdict.holds,
                    "checked": verdict.checked,
                    "broken": verdict.broken,
                    "breaks": [asdict(one) for one in verdict.breaks],
                }
                for verdict in self.verdicts
            ],
            "as_of": self.vector,
            "waited": self.waited,
            "seconds": round(self.seconds, 3),
        }


def render(found: Examination) -> str:
    """One line an invariant, its first breaks under it, the vector, and the sum of it."""
    width = max(len(verdict.name) for verdict in found.verdicts)
    lines = []
    for verdict in found.verdicts:
        mark = "holds" if verdict.holds else "BROKEN"
        lines.append(f"{mark:<7} {verdict.name:<{width}}  {verdict.checked:>8,} checked")
        lines += [f"        {_break(one)}" for one in verdict.breaks[:BREAKS_SHOWN_MAX]]
        more = verdict.broken - BREAKS_SHOWN_MAX
        if more > 0:
            lines.append(f"        … and {more} more (--json has up to {BREAKS_KEPT_MAX})")
    lines += ["", f"as of {_vector(found.vector)}", f"waited: {found.waited}"]
    holding = sum(verdict.holds for verdict in found.verdicts)
    lines.append(f"{holding} of {len(found.verdicts)} invariants hold")
    return "\n".join(lines)


def _break(one: Break) -> str:
    named = (("entity", one.entity), ("account", one.account), ("event", one.event))
    where = ", ".join(f"{name} {value}" for name, value in named if value)
    return f"{where}: {one.detail}" if where else one.detail


def _vector(vector: dict[str, int]) -> str:
    topics: dict[str, list[str]] = {}
    for name, offset in sorted(vector.items()):
        topic, _, _ = name.rpartition("/")
        topics.setdefault(topic, []).append(str(offset))
    return "; ".join(f"{topic} {','.join(offsets)}" for topic, offsets in topics.items())
