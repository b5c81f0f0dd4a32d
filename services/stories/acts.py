"""Makes the steps that are no commands: runs, returns, corrections, breakage, periods, faults."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from schemas.identifiers import derived
from schemas.topics import REDEMPTION_COMMANDS
from services.stories.steps import (
    GARBAGE_TOPICS,
    BreakageSaid,
    BreakageStep,
    CloseSaid,
    CloseStep,
    CorrectionSaid,
    CorrectionStep,
    GarbageSaid,
    GarbageStep,
    RestartStep,
    ReturnSaid,
    ReturnStep,
    RunSaid,
    RunStep,
    Said,
    Step,
)
from services.stories.wiring import Wrong, shown

GARBAGE: Final = b"\x00garbage"


@dataclass(frozen=True, slots=True)
class Act:
    """What every step has."""

    number: int
    line: int
    at: int
    do: str


def act_of(act: Act, said: Said, subjects: Mapping[str, str]) -> Step | Wrong:
    """The step that `said` asks for."""
    head: dict[str, Any] = asdict(act)
    match said:
        case RunSaid():
            return RunStep(**head, id=said.id, dry=said.dry)
        case ReturnSaid():
            return ReturnStep(**head, **_told(said, "run location code attempt amount trace"))
        case CorrectionSaid():
            return CorrectionStep(**head, **_told(said, "run location code value"))
        case BreakageSaid():
            return BreakageStep(**head, id=_id(act, said), **_told(said, "programme rate_bp"))
        case CloseSaid():
            return CloseStep(**head, id=_id(act, said), **_told(said, "entity until"))
        case GarbageSaid():
            return _garbage(head, said, subjects)
        case _:
            return RestartStep(**head)


def _told(said: Said, names: str) -> dict[str, Any]:
    return {name: getattr(said, name) for name in names.split()}


def _id(act: Act, said: Said) -> str:
    """An operation without a name of its own is known by its place in the story."""
    return said.id or derived("story", act.do, str(act.number))


def _garbage(head: dict[str, Any], said: GarbageSaid, subjects: Mapping[str, str]) -> Step | Wrong:
    topic = GARBAGE_TOPICS.get(said.topic or REDEMPTION_COMMANDS.name)
    if topic is None:
        return Wrong(("topic",), shown(said.topic), ", ".join(GARBAGE_TOPICS))
    value = GARBAGE if said.bytes is None else said.bytes
    key = None if said.key is None else subjects.get(said.key, said.key).encode()
    raw = value.encode() if isinstance(value, str) else value
    return GarbageStep(**head, topic=topic, key=key, value=raw)
