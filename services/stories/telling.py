"""Reads a story's steps one after the other: who is meant, what is sent, and by whom."""

from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel

from schemas.identifiers import derived
from schemas.instants import format_instant, parse_instant
from schemas.lined import Fault, Lined, Path
from schemas.policy import PolicyDocument
from schemas.topics import Topic
from services.stories.acts import Act, act_of
from services.stories.cast import Cast
from services.stories.steps import (
    ANSWERLESS,
    BRINGING,
    COMMANDS,
    OPERATIONS,
    PRESS,
    SOURCE,
    SUBJECT_FIELDS,
    CommandStep,
    PolicySaid,
    PolicyStep,
    RepeatSaid,
    RepeatStep,
    RunStep,
    Said,
    Step,
)
from services.stories.wiring import Wrong, known_fields, misread, shown, unfit, wired

PolicyOf = Callable[[Path, str | dict[str, Any]], tuple[dict[str, Any], PolicyDocument]]
# What a command step says about itself, beside its data.
ABOUT: Final = ("at", "do", "id", "card", "account", "time", "source", "currency")


class Telling:
    """Makes steps of what a story says; what is wrong is collected in `faults`."""

    def __init__(self, lined: Lined, cast: Cast, policy_of: PolicyOf) -> None:
        self.faults: list[Fault] = []
        self._lined = lined
        self._cast = cast
        self._policy_of = policy_of
        self._told: list[Step] = []
        self._at = 0

    def steps(self) -> list[Step]:
        """Every step that can be read."""
        said = self._lined.value["story"]
        for step in said:
            self._bring(step)
        for number, step in enumerate(said):
            made = self._step(number, step)
            if made is not None:
                self._told.append(made)
        return self._told

    def _bring(self, said: dict[str, Any]) -> None:
        if said.get("do") not in BRINGING:
            return
        programme = str(said.get("programme"))
        entries = said.get("cards")
        named = [said.get("card"), *(entries if isinstance(entries, list) else [])]
        for one in named:
            card = one.get("card") if isinstance(one, dict) else one
            if isinstance(card, str):
                self._cast.bring(card, programme)

    def _step(self, number: int, said: dict[str, Any]) -> Step | None:
        path: Path = ("story", number)
        do = said.get("do")
        if not isinstance(do, str) or (do not in COMMANDS and do not in OPERATIONS):
            value = shown(do) if "do" in said else "nothing"
            self._fault((*path, "do"), value, ", ".join(sorted({*COMMANDS, *OPERATIONS})))
            return None
        at = self._instant((*path, "at"), said)
        if at is None:
            return None
        if at < self._at:
            self._fault((*path, "at"), shown(said["at"]), f"{format_instant(self._at)} or later")
            return None
        self._at = at
        if do in OPERATIONS:
            return self._operation(number, path, at, do, said)
        return self._command(number, path, at, do, said)

    def _operation(
        self, number: int, path: Path, at: int, do: str, said: dict[str, Any]
    ) -> Step | None:
        wrong = unfit(OPERATIONS[do], said)
        if wrong:
            self._wrong(path, wrong)
            return None
        read = OPERATIONS[do].model_validate(said)
        line = self._lined.line(path)
        match read:
            case PolicySaid():
                return self._new_policy(number, path, at, read)
            case RepeatSaid():
                return self._repeat(number, path, at, read)
            case _:
                made = act_of(Act(number, line, at, do), read, self._cast.subjects)
        if isinstance(made, Wrong):
            self._wrong(path, [made])
            return None
        return made

    def _new_policy(self, number: int, path: Path, at: int, said: PolicySaid) -> Step:
        policy, document = self._policy_of((*path, "policy"), said.policy)
        self._cast.policies.append(document)
        effective = max(at, document.effective or at)
        written = {**policy, "effective": format_instant(effective)}
        return PolicyStep(
            number=number,
            line=self._lined.line(path),
            at=at,
            do=said.do,
            document=written,
            effective=effective,
        )

    def _repeat(self, number: int, path: Path, at: int, said: RepeatSaid) -> Step | None:
        name = said.card or said.account
        for step in reversed(self._told):
            if isinstance(step, (CommandStep, RunStep)) and step.id == said.id:
                if name is not None and not (isinstance(step, CommandStep) and step.name == name):
                    continue
                line = self._lined.line(path)
                return RepeatStep(number=number, line=line, at=at, do=said.do, of=step)
        told = (s.id for s in self._told if isinstance(s, (CommandStep, RunStep)))
        allowed = ", ".join(dict.fromkeys(told)) or "no step has an id yet"
        self._fault((*path, "id"), shown(said.id), f"the id of an earlier step: {allowed}")
        return None

    def _command(
        self, number: int, path: Path, at: int, do: str, said: dict[str, Any]
    ) -> Step | None:
        topic, model = self._owner(do, said)
        before = len(self.faults)
        name = self._name(path, SUBJECT_FIELDS[topic], said)
        id = self._id(path, do, number, said)
        channel = self._channel(path, said)
        time = self._instant((*path, "time"), said) if "time" in said else at
        source = self._source(path, do, channel, said)
        extra = set(said) - {*ABOUT} - known_fields(model)
        other = {"card", "account"} - {SUBJECT_FIELDS[topic]}
        for field in sorted(extra | (other & set(said) - known_fields(model))):
            known = {*ABOUT, *known_fields(model)} - other
            self._fault((*path, field), "an unknown key", ", ".join(sorted(known)))
        body = self._body(path, do, model, name, said)
        if len(self.faults) > before or name is None or id is None or time is None:
            return None
        return CommandStep(
            number=number,
            line=self._lined.line(path),
            at=at,
            do=do,
            id=id,
            topic=topic,
            subject=self._cast.subjects[name],
            name=name,
            source=source,
            time=time,
            body=body,
            asks=do not in ANSWERLESS,
        )

    def _owner(self, do: str, said: dict[str, Any]) -> tuple[Topic, type[BaseModel]]:
        """Issuance's or redemption's: `enquire` is of both, and its subject tells which."""
        owners = COMMANDS[do]
        named = (o for o in owners if SUBJECT_FIELDS[o[0]] in said)
        return next(named, owners[-1])

    def _name(self, path: Path, field: str, said: dict[str, Any]) -> str | None:
        name = said.get(field)
        if isinstance(name, str) and name in self._cast.subjects:
            return name
        self._fault((*path, field), shown(name) if field in said else "nothing", self._names())
        return None

    def _names(self) -> str:
        named = [*self._cast.cards, *self._cast.credits]
        return f"a card or credit of the story: {', '.join(named) or 'it has none'}"

    def _id(self, path: Path, do: str, number: int, said: dict[str, Any]) -> str | None:
        if "id" not in said and do in ANSWERLESS:
            return derived("story", do, str(number))
        wrong = unfit(Said, {"at": format_instant(0), "do": do, "id": said.get("id") or ""})
        if wrong:
            value = shown(said["id"]) if "id" in said else "nothing"
            allowed = "a short name of letters, digits and . _ : + -"
            self._fault((*path, "id"), value, allowed)
            return None
        return str(said["id"])

    def _channel(self, path: Path, said: dict[str, Any]) -> str | None:
        place = said.get("place")
        channel = place.get("channel") if isinstance(place, dict) else None
        if isinstance(channel, str) and not self._cast.has_channel(channel):
            self._fault((*path, "place", "channel"), shown(channel), self._cast.channels())
        return channel if isinstance(channel, str) else None

    def _source(self, path: Path, do: str, channel: str | None, said: dict[str, Any]) -> str:
        source = said.get("source")
        if source is None:
            return PRESS if do in ANSWERLESS else f"channel/{channel}" if channel else SOURCE
        if not isinstance(source, str) or source.partition("/")[0] not in ("channel", "service"):
            self._fault((*path, "source"), shown(source), "channel/<id> or service/<name>")
        return str(source)

    def _body(
        self, path: Path, do: str, model: type[BaseModel], name: str | None, said: dict[str, Any]
    ) -> dict[str, Any]:
        own = known_fields(model)
        data = {key: value for key, value in said.items() if key in own}
        if "to" in own and SUBJECT_FIELDS[self._owner(do, said)[0]] == "account":
            self._to(path, do, data)
        if do == "issue_credit" and "owner" not in data and name in self._cast.credits:
            data["owner"] = self._cast.credits[name].owner.model_dump(exclude_none=True)
        currency = said.get("currency")
        if "currency" not in said:
            brought = do in BRINGING and "programme" in data
            currency = (
                self._cast.currency_of(str(data["programme"]))
                if brought
                else self._cast.currency(name or "")
            )
        elif not isinstance(currency, str):
            self._fault((*path, "currency"), shown(currency), "an ISO 4217 code")
        data = wired(model, data, str(currency))
        self._wrong(path, misread(model, data))
        return data

    def _to(self, path: Path, do: str, data: dict[str, Any]) -> None:
        to = data.get("to")
        if not isinstance(to, str) or (do == "refund_capture" and to == "same"):
            return
        if to in self._cast.subjects:
            data["to"] = self._cast.subjects[to]
            data.setdefault("to_currency", self._cast.currency(to))
        else:
            self._fault((*path, "to"), shown(to), self._names())

    def _instant(self, path: Path, said: dict[str, Any]) -> int | None:
        field = path[-1]
        value = said.get(str(field))
        try:
            if isinstance(value, str):
                return parse_instant(value)
        except ValueError:
            pass
        allowed = "RFC 3339 with an offset, like 2026-05-01T10:00:00-04:00"
        self._fault(path, shown(value) if field in said else "nothing", allowed)
        return None

    def _fault(self, path: Path, value: str, allowed: str) -> None:
        self.faults.append(self._lined.fault(path, value, allowed))

    def _wrong(self, path: Path, wrong: list[Wrong]) -> None:
        for one in wrong:
            self._fault((*path, *one.path), one.value, one.allowed)
