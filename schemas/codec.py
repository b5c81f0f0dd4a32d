"""Turns a record's bytes into a command, a broadcast or a fact, or says why they are none."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema

from schemas import issuance, ledger, redemption, redemption_facts, settlement
from schemas.broadcasts import BROADCASTS, ClockMoved, PeriodClosed, PolicyChanged
from schemas.findings import findings, show
from schemas.identifiers import ID, SUBJECT
from schemas.instants import parse_instant
from schemas.message import DATE_KEYS, Command, Published
from schemas.sweeps import SWEEP, SweepAccounts, SweepCards
from schemas.topics import (
    ISSUANCE_EVENTS,
    LEDGER_JOURNALS,
    LEDGER_OPERATIONS,
    REDEMPTION_EVENTS,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
    Topic,
)

Owner = Literal["issuance", "redemption"]

VALUE_BYTES_MAX: Final = 1_000_000
FINDINGS_SAID_MAX: Final = 3
CONTENT_LENGTH: Final = 32

FACTS_BY_TOPIC: Final[dict[Topic, dict[str, type]]] = {
    ISSUANCE_EVENTS: issuance.FACTS,
    REDEMPTION_EVENTS: redemption_facts.FACTS,
    LEDGER_JOURNALS: {"journal_posted.v1": ledger.FACTS["journal_posted.v1"]},
    LEDGER_OPERATIONS: {k: v for k, v in ledger.FACTS.items() if k != "journal_posted.v1"},
    SETTLEMENT_ITEMS: {"item_accrued.v1": settlement.FACTS["item_accrued.v1"]},
    SETTLEMENT_BATCHES: {k: v for k, v in settlement.FACTS.items() if k != "item_accrued.v1"},
}


@dataclass(slots=True, frozen=True)
class Broadcast:
    """Something told to every partition; `type` without version, `time` ms UTC."""

    id: str
    type: str
    source: str
    time: int
    body: PolicyChanged | PeriodClosed | ClockMoved


@dataclass(slots=True, frozen=True)
class Unreadable:
    """A record that is no command: `cause` names place, value and what is allowed.

    The rest of the envelope as far as it could be read, so that its sender can be answered;
    `type` without version.
    """

    cause: str
    id: str | None = None
    subject: str | None = None
    replyto: str | None = None
    source: str | None = None
    type: str | None = None
    correlationid: str | None = None


def internal(owner: Owner, type: str) -> bool:
    """Is this command (no version) one that only services may send?"""
    return type in _INTERNAL[owner]


def content_of(command: Command) -> bytes:
    """The fingerprint (32 hexadecimal characters) of type, subject and data, in any key order."""
    assert command.content is not None, "only a command that was read has content"
    return command.content


def read_command(owner: Owner, value: bytes | None) -> Command | Broadcast | Unreadable:
    """What a record on the owner's command topic says; never raises for what the record holds."""
    if value is None or len(value) > VALUE_BYTES_MAX:
        size = "no value" if value is None else f"{len(value)} bytes"
        return Unreadable(f"(record): {size} — allowed: at most {VALUE_BYTES_MAX} bytes of JSON")
    try:
        envelope = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return Unreadable(f"(record): not JSON ({error}) — allowed: one CloudEvents JSON object")
    if type(envelope) is not dict:
        return Unreadable(f"(record): {show(envelope)} — allowed: one CloudEvents JSON object")
    try:
        return _read(owner, envelope)
    except _UnfitError as unfit:
        return _unreadable(envelope, str(unfit))


class _UnfitError(ValueError):
    """An envelope or its data is not what the contract says; the message is the cause."""


def _read(owner: Owner, envelope: dict[str, Any]) -> Command | Broadcast:
    id, kind, source, subject, moment = _checked(envelope)
    known = _COMMANDS[owner].get(kind)
    if known is None:
        raise _unfit(envelope, "type", ", ".join(_COMMANDS[owner]))
    name, model, validate = known
    try:
        time = parse_instant(moment)
    except ValueError as error:
        raise _unfit(envelope, "time", _ALLOWED["time"]) from error
    data = envelope.get("data")
    if type(data) is not dict:
        raise _unfit(envelope, "data", "an object")
    try:
        body = validate(data)
    except ValidationError as error:
        said = findings(error, model, "data")[:FINDINGS_SAID_MAX]
        raise _UnfitError("; ".join(str(finding) for finding in said)) from error
    if name in BROADCASTS:
        return Broadcast(id, name, source, time, body)
    get = envelope.get
    content = _content(name, subject, data)
    copied = (get("replyto"), get("causationid"), get("correlationid"), get("traceparent"))
    return Command(id, name, source, subject, time, body, *copied, content)


def _checked(envelope: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Id, type, source, subject and time of an envelope whose attributes all fit."""
    get = envelope.get
    texts: Any = (get("id"), get("type"), get("source"), get("subject"), get("time"))
    reply, cause = get("replyto", "-"), get("causationid", "-")
    order, trace = get("correlationid", "-"), get("traceparent", "-")
    try:
        # One match over all attributes: a newline fits none of them, so it can part them.
        fits = _ENVELOPE("\n".join((*texts, reply, cause, order, trace)))
    except TypeError:
        fits = None
    if fits is None or get("specversion") != "1.0":
        if None in envelope.values():  # CloudEvents: an attribute that is null is unset
            return _checked({name: value for name, value in envelope.items() if value is not None})
        raise _first_unfit(envelope)
    if not _KNOWN.issuperset(envelope):
        _check_extensions(envelope)
    checked: tuple[str, str, str, str, str] = texts
    return checked


def _first_unfit(envelope: dict[str, Any]) -> _UnfitError:
    if envelope.get("specversion") != "1.0":
        return _unfit(envelope, "specversion", "'1.0'")
    for name, fits in _PATTERNS.items():
        value = envelope.get(name)
        if name in _COPIED and name not in envelope:
            continue
        if type(value) is not str or fits(value) is None:
            return _unfit(envelope, name, _ALLOWED[name])
    raise AssertionError("an envelope is unfit, but none of its attributes")


def _content(name: str, subject: str, data: dict[str, Any]) -> bytes:
    said = orjson.dumps([name, subject, data], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(said).digest()[: CONTENT_LENGTH // 2].hex().encode()


def _check_extensions(envelope: dict[str, Any]) -> None:
    for name, value in envelope.items():
        if name in _KNOWN:
            continue
        if name == "datacontenttype":
            if value not in ("application/json", None):
                raise _unfit(envelope, name, "'application/json'")
        elif _EXTENSION(name) is None:
            raise _UnfitError(
                f"{show(name)}: an unknown attribute — allowed: {', '.join(_COPIED)}, "
                "datacontenttype, and extensions of 1 to 20 characters of a-z and 0-9"
            )
        elif not isinstance(value, (str, int, bool, type(None))):
            raise _unfit(envelope, name, "text, an integer, true or false")


def _unfit(envelope: dict[str, Any], name: str, allowed: str) -> _UnfitError:
    value = show(envelope[name]) if name in envelope else "nothing"
    return _UnfitError(f"{name}: {value} — allowed: {allowed}")


def _unreadable(envelope: dict[str, Any], cause: str) -> Unreadable:
    def read(name: str) -> str | None:
        value = envelope.get(name)
        return value if isinstance(value, str) and _PATTERNS[name](value) is not None else None

    kind = read("type")
    return Unreadable(
        cause,
        read("id"),
        read("subject"),
        read("replyto"),
        read("source"),
        kind.removesuffix(".v1") if kind is not None else None,
        read("correlationid"),
    )


def read_fact(topic: Topic, value: bytes) -> Published:
    """A fact as found on its topic; ValueError says why it is none.

    Facts come from our own writers, chained and numbered: what is checked is that they are whole.
    """
    named = _TYPE(value)
    validate = _FACTS[topic.name].get(named[1]) if named is not None else None
    if validate is None:
        known = ", ".join(kind.decode() for kind in _FACTS[topic.name])
        what = named[1].decode() if named is not None else "nothing"
        raise ValueError(f"type: {what} — allowed on {topic.name}: {known}")
    # ValidationError is a ValueError; one pass over the bytes makes envelope and fact.
    return validate(value)


_Reader = tuple[str, type[BaseModel], Callable[[Any], Any]]


def _readers(commands: Mapping[str, type[BaseModel]]) -> dict[str, _Reader]:
    return {
        f"{name}.v1": (name, model, TypeAdapter(model).validator.validate_python)
        for name, model in {**commands, **BROADCASTS}.items()
    }


_COMMANDS: Final[dict[Owner, dict[str, _Reader]]] = {
    "issuance": _readers({**issuance.COMMANDS, SWEEP: SweepCards}),
    "redemption": _readers({**redemption.COMMANDS, SWEEP: SweepAccounts}),
}
_INTERNAL: Final[dict[Owner, frozenset[str]]] = {
    "issuance": issuance.INTERNAL_COMMANDS | {SWEEP},
    "redemption": redemption.INTERNAL_COMMANDS | {SWEEP},
}


def _fact_reader(name: str, kind: type) -> Callable[[bytes], Published]:
    text, number = core_schema.str_schema(), core_schema.int_schema(strict=True)
    days = dict.fromkeys(DATE_KEYS, core_schema.typed_dict_field(text))
    attributes: dict[str, core_schema.CoreSchema] = {
        **dict.fromkeys(("id", "source", "subject", "input", "causationid"), text),
        "type": core_schema.literal_schema([name]),
        "time": core_schema.no_info_after_validator_function(parse_instant, text),
        "body": TypeAdapter(kind).core_schema,
        "policy": number,
        "sequence": number,
        "dates": core_schema.dict_schema(text, core_schema.typed_dict_schema(days)),
    }
    names = [field.name for field in fields(Published)]
    read = [
        core_schema.dataclass_field(
            each,
            attributes[each],
            kw_only=True,
            validation_alias="data" if each == "body" else each,
        )
        for each in names
    ]
    envelope = core_schema.dataclass_args_schema(Published.__name__, read)
    made = core_schema.dataclass_schema(Published, envelope, names, slots=True)
    return SchemaValidator(made).validate_json


_FACTS: Final = {
    topic.name: {name.encode(): _fact_reader(name, kind) for name, kind in facts.items()}
    for topic, facts in FACTS_BY_TOPIC.items()
}
# Our own facts name their type before anything that could hold this text; the reader checks it.
_TYPE: Final = re.compile(rb'"type": ?"([a-z0-9_.]{1,80})"').search
_COPIED: Final = ("replyto", "causationid", "correlationid", "traceparent")
_VISIBLE: Final = r"[\x21-\x7e]{1,200}"
_ATTRIBUTES: Final = {
    "id": ID,
    "type": r"[a-z][a-z0-9_]{0,63}\.v[1-9][0-9]{0,2}",
    "source": r"(?:channel|service)/[A-Za-z0-9][A-Za-z0-9._:+\-]{0,63}",
    "subject": SUBJECT,
    "time": r"[0-9TtZz:.+\- ]{1,40}",
    **dict.fromkeys(_COPIED, _VISIBLE),
}
_KNOWN: Final = frozenset({"specversion", "data", *_ATTRIBUTES})
_PATTERNS: Final = {name: re.compile(said).fullmatch for name, said in _ATTRIBUTES.items()}
_ENVELOPE: Final = re.compile("\n".join(_ATTRIBUTES.values())).fullmatch
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}").fullmatch
_ID_ALLOWED: Final = "1 to 128 of A-Z a-z 0-9 . _ : + -, beginning with a letter or digit"
_ALLOWED: Final = {
    "id": _ID_ALLOWED,
    "subject": f"{_ID_ALLOWED}, and +credit behind it",
    "type": "<name>.v1",
    "source": "channel/<id> or service/<name>",
    "time": "RFC 3339 with an offset, 1970 to 2999, like 2026-05-01T10:00:00-04:00",
    **dict.fromkeys(_COPIED, "text of 1 to 200 visible ASCII characters"),
}
