"""Hears every decision of a core: what was asked, and of whom in which state."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from schemas.decision import Decision
from schemas.message import Command
from schemas.terms import Terms

NONE: Final = "none"
Note = Callable[[str, str, str], None]


class WatchedCore:
    """A core, and who listens to its decisions: (service's command type, state, outcome)."""

    def __init__(self, core: ModuleType, note: Note) -> None:
        self._core = core
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def decide(self, rows: Mapping[str, Any], command: Command, terms: Terms) -> Decision:
        """Decide, and tell what was decided on."""
        state = state_of(rows.get(command.subject))
        decision: Decision = self._core.decide(rows, command, terms)
        self._note(command.type, state, type(decision).__name__)
        return decision


def state_of(row: Any) -> str:
    """The state of an account's or card's row; `frozen` lies over any other."""
    if row is None:
        return NONE
    return "frozen" if getattr(row, "frozen", None) else str(row.state)
