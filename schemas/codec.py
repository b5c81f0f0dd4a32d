"""Turns a record's bytes into a command, a broadcast or a fact, or says why they are none."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from schemas import issuance, ledger, redemption, redemption_facts, settlement
from schemas.broadcasts import BROADCASTS, ClockMoved, PeriodClosed, PolicyChanged
from schemas.findings import findings, show
from schemas.instants import parse_instant
from schemas.message import Command, Published
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
    """The fingerprint of what a read command says: type, subject and data, in any key order.

    32 hexadecimal characters (of a SHA-256); two commands of one id must agree in it.
    """
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
    if envelope.get("specversion") != "1.0":
        raise _unfit(envelope, "specversion", "'1.0'")
    id, subject, source = (_matching(envelope, name) for name in ("id", "subject", "source"))
    kind = _matching(envelope, "type")
    known = _COMMANDS[owner].get(kind)
    if known is None:
        raise _unfit(envelope, "type", ", ".join(_COMMANDS[owner]))
    name, model, validate = known
    time = _instant(envelope)
    data = envelope.get("data")
    if type(data) is not dict:
        raise _unfit(envelope, "data", "an object")
    if not envelope.keys() <= _REQUIRED:
        _check_extensions(envelope)
    try:
        body = validate(data)
    except ValidationError as error:
        said = findings(error, model, "data")[:FINDINGS_SAID_MAX]
        raise _UnfitError("; ".join(str(finding) for finding in said)) from error
    if name in BROADCASTS:
        return Broadcast(id, name, source, time, body)
    get = envelope.get
    return Command(
        id,
        name,
        source,
        subject,
        time,
        body,
        get("replyto"),
        get("causationid"),
        get("correlationid"),
        get("traceparent"),
        _content(name, subject, data),
    )


def _content(name: str, subject: str, data: dict[str, Any]) -> bytes:
    said = orjson.dumps([name, subject, data], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(said).hexdigest()[:CONTENT_LENGTH].encode()


def _matching(envelope: dict[str, Any], name: str) -> str:
    value = envelope.get(name)
    if type(value) is not str or _PATTERNS[name](value) is None:
        raise _unfit(envelope, name, _ALLOWED[name])
    return value


def _instant(envelope: dict[str, Any]) -> int:
    value = envelope.get("time")
    if type(value) is not str:
        raise _unfit(envelope, "time", _ALLOWED["time"])
    try:
        return parse_instant(value)
    except ValueError as error:
        raise _unfit(envelope, "time", _ALLOWED["time"]) from error


def _check_extensions(envelope: dict[str, Any]) -> None:
    for name, value in envelope.items():
        if name in _REQUIRED:
            continue
        if name in _COPIED:
            if type(value) is not str or _TOKEN(value) is None:
                raise _unfit(envelope, name, _ALLOWED["token"])
        elif name == "datacontenttype":
            if value != "application/json":
                raise _unfit(envelope, name, "'application/json'")
        elif _EXTENSION(name) is None:
            raise _UnfitError(
                f"{show(name)}: an unknown attribute — allowed: {', '.join(_NAMED)}, "
                "and extensions of 1 to 20 characters of a-z and 0-9"
            )
        elif not isinstance(value, (str, int, bool)):
            raise _unfit(envelope, name, "text, an integer, true or false")


def _unfit(envelope: dict[str, Any], name: str, allowed: str) -> _UnfitError:
    value = show(envelope[name]) if name in envelope else "nothing"
    return _UnfitError(f"{name}: {value} — allowed: {allowed}")


def _unreadable(envelope: dict[str, Any], cause: str) -> Unreadable:
    def read(name: str) -> str | None:
        value = envelope.get(name)
        fits = _PATTERNS.get(name, _TOKEN)
        return value if isinstance(value, str) and fits(value) is not None else None

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
    try:
        envelope = orjson.loads(value)
        validate = _FACTS[topic.name][envelope["type"]]
        body = validate(envelope["data"])
        return Published(
            envelope["id"],
            envelope["type"],
            envelope["source"],
            envelope["subject"],
            parse_instant(envelope["time"]),
            body,
            envelope["policy"],
            envelope["sequence"],
            envelope["input"],
            envelope["causationid"],
            envelope["dates"],
        )
    except (KeyError, TypeError) as missing:
        raise ValueError(f"not a fact of {topic.name}: {missing!r}") from missing


_Reader = tuple[str, type[BaseModel], Callable[[Any], Any]]


def _readers(commands: Mapping[str, type[BaseModel]]) -> dict[str, _Reader]:
    return {
        f"{name}.v1": (name, model, TypeAdapter(model).validator.validate_python)
        for name, model in {**commands, **BROADCASTS}.items()
    }


_COMMANDS: Final[dict[Owner, dict[str, _Reader]]] = {
    "issuance": _readers(issuance.COMMANDS),
    "redemption": _readers(redemption.COMMANDS),
}
_INTERNAL: Final[dict[Owner, frozenset[str]]] = {
    "issuance": issuance.INTERNAL_COMMANDS,
    "redemption": redemption.INTERNAL_COMMANDS,
}
_FACTS: Final = {
    topic.name: {name: TypeAdapter(kind).validator.validate_python for name, kind in facts.items()}
    for topic, facts in FACTS_BY_TOPIC.items()
}
_NAMED: Final = ("replyto", "causationid", "correlationid", "traceparent", "datacontenttype")
_COPIED: Final = frozenset(_NAMED[:4])
_REQUIRED: Final = frozenset({"specversion", "id", "type", "source", "subject", "time", "data"})
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+\-]{0,127}").fullmatch
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,200}").fullmatch
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}").fullmatch
_PATTERNS: Final = {
    "id": _ID,
    "subject": _ID,
    "type": re.compile(r"[a-z][a-z0-9_]{0,63}\.v[1-9][0-9]{0,2}").fullmatch,
    "source": re.compile(r"(?:channel|service)/[A-Za-z0-9][A-Za-z0-9._:+\-]{0,63}").fullmatch,
}
_ALLOWED: Final = {
    "id": "1 to 128 characters of A-Z a-z 0-9 . _ : + -, beginning with a letter or digit",
    "subject": "1 to 128 characters of A-Z a-z 0-9 . _ : + -, beginning with a letter or digit",
    "type": "<name>.v1",
    "source": "channel/<id> or service/<name>",
    "time": "RFC 3339 with an offset, 1970 to 2999, like 2026-05-01T10:00:00-04:00",
    "token": "text of 1 to 200 visible ASCII characters",
}
