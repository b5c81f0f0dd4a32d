"""Makes the steps that are no commands: runs, returns, corrections, breakage, periods, faults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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
    number, line, at, do = act.number, act.line, act.at, act.do
    own = derived("story", do, str(number))
    match said:
        case RunSaid():
            return RunStep(number=number, line=line, at=at, do=do, id=said.id, dry=said.dry)
        case ReturnSaid():
            return ReturnStep(
                number=number,
                line=line,
                at=at,
                do=do,
                run=said.run,
                location=said.location,
                code=said.code,
                attempt=said.attempt,
                amount=said.amount,
                trace=said.trace,
            )
        case CorrectionSaid(run=run, location=location, code=code, value=value):
            return CorrectionStep(
                number=number,
                line=line,
                at=at,
                do=do,
                run=run,
                location=location,
                code=code,
                value=value,
            )
        case BreakageSaid(programme=programme, rate_bp=rate_bp):
            return BreakageStep(
                number=number,
                line=line,
                at=at,
                do=do,
                id=said.id or own,
                programme=programme,
                rate_bp=rate_bp,
            )
        case CloseSaid(entity=entity, until=until):
            return CloseStep(
                number=number,
                line=line,
                at=at,
                do=do,
                id=said.id or own,
                entity=entity,
                until=until,
            )
        case GarbageSaid():
            return _garbage(act, said, subjects)
        case _:
            return RestartStep(number=number, line=line, at=at, do=do)


def _garbage(act: Act, said: GarbageSaid, subjects: Mapping[str, str]) -> Step | Wrong:
    topic = GARBAGE_TOPICS.get(said.topic or REDEMPTION_COMMANDS.name)
    if topic is None:
        return Wrong(("topic",), shown(said.topic), ", ".join(GARBAGE_TOPICS))
    value = GARBAGE if said.bytes is None else said.bytes
    key = None if said.key is None else subjects.get(said.key, said.key).encode()
    return GarbageStep(
        number=act.number,
        line=act.line,
        at=act.at,
        do=act.do,
        topic=topic,
        key=key,
        value=value.encode() if isinstance(value, str) else value,
    )
