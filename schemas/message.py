"""The CloudEvents 1.0 envelope of every message, and who may claim to have sent it."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.identifiers import Name
from schemas.instants import DAY, format_instant

TEXT_MAX: Final = 200
CARD_DIGITS_MIN: Final = 13
DATE_KEYS: Final = ("date", "business_date")


def _luhn(digits: list[int]) -> bool:
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _fit_text(text: str) -> str:
    # On the hot path: nearly every text is settled by the first line.
    if text.isprintable() and (len(text) < CARD_DIGITS_MIN or not _DIGITS_IN_A_ROW(text)):
        return text
    if _UNFIT(text):
        raise ValueError("text without control characters (no table can store them)")
    if any(_holds_a_card_number(run) for run in _DIGITS_IN_A_ROW(text)):
        raise ValueError("free text without anything that looks like a card number")
    return text


def _holds_a_card_number(run: str) -> bool:
    """Is any row of its groups 13 to 19 digits with a right check digit? (`12 4111 1111 …`)"""
    groups = _BETWEEN_GROUPS(run)
    for first in range(len(groups)):
        for last in range(first + 1, len(groups) + 1):
            digits = "".join(groups[first:last])
            if CARD_DIGITS_MIN <= len(digits) <= 19 and _luhn([int(digit) for digit in digits]):
                return True
    return False


_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]").search
# Digits of any script, and what people set between groups of them.
_DIGITS_IN_A_ROW = re.compile(r"\d(?:[\s\u2010-\u2015\u2212./_\-]{0,4}\d){12,}").findall
_BETWEEN_GROUPS = re.compile(r"\D+").split

Text = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_fit_text)]


def _says(what: str) -> Any:
    def legible(text: str) -> str:
        if not text.strip():
            raise ValueError(f"text that says {what}")
        return text

    return AfterValidator(legible)


_Legible = Annotated[
    str,
    Field(max_length=TEXT_MAX, json_schema_extra={"minLength": 1, "pattern": "\\S"}),
    AfterValidator(_fit_text),
]
# A reason that a command must give, for somebody will read it.
Why = Annotated[_Legible, _says("why")]
# A person as `place.staff` names them, where one must be named.
Who = Annotated[_Legible, _says("who")]


@dataclass(slots=True, frozen=True, kw_only=True)
class Place:
    """Where a command comes from; every field may be left out.

    A dataclass, for a pydantic model cannot have a field named `register`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    location: Name | None = None
    channel: Name | None = None
    register: Text | None = None
    staff: Text | None = None
    receipt: Text | None = None


class CommandModel(BaseModel):
    """What every command's `data` may carry; unknown fields and wrong types are unreadable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    place: Place | None = None


@dataclass(slots=True)
class Command:
    """A command as the cores see it: a read envelope with validated `body`; nobody changes it.

    `type` has no version suffix (`place_hold`); `time` is what the sender claims (ms UTC);
    `source` is `channel/<id>` or `service/<name>`, proven by the record's seal; `content` is the
    fingerprint of type, subject and data by which a reused id is told from a repeat.
    """

    id: str
    type: str
    source: str
    subject: str
    time: int
    body: Any
    replyto: str | None = None
    causationid: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None
    content: bytes | None = None

    @property
    def once(self) -> str:
        """A name for it that no other command has, of another day with the same id either."""
        return f"{self.id}@{self.time // DAY}"

    @property
    def channel(self) -> str | None:
        """The id of the channel that sent it; None for a service."""
        source = self.source
        return source[8:] if source.startswith("channel/") else None


@dataclass(slots=True, frozen=True)
class Outgoing:
    """A command one service sends to another (or itself) in the transaction of its cause."""

    topic: str
    id: str
    type: str
    subject: str
    body: dict[str, Any]


@dataclass(slots=True)
class Fact:
    """A decided fact (or refusal) before the runner gives it sequence and bytes.

    Nobody changes it; freezing it would cost 2 µs a fact.
    `type` has its version (`hold_placed.v1`); `body` is a slots dataclass of `schemas`; `dates` is
    {entity: {date, business_date}}; `policy` the version decided under; `time` ms UTC.
    """

    id: str
    type: str
    subject: str
    time: int
    body: Any
    policy: int
    causationid: str
    correlationid: str | None = None
    traceparent: str | None = None
    dates: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Published:
    """A fact as a reader finds it on its topic: the envelope, and `body` decoded.

    `sequence` is dense per `input` (the topic the fact was decided from) and partition.
    """

    id: str
    type: str
    source: str
    subject: str
    time: int
    body: Any
    policy: int
    sequence: int
    input: str
    causationid: str
    dates: dict[str, dict[str, str]]


def encode_fact(fact: Fact, source: str, sequence: int, input: str) -> bytes:
    """The bytes of a fact on its topic; the same fact has the same bytes on every replay.

    `sequence` counts the facts made from the topic `input` on one partition, from 1.
    """
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": fact.id,
        "type": fact.type,
        "source": source,
        "subject": fact.subject,
        "time": format_instant(fact.time),
        "causationid": fact.causationid,
    }
    if fact.correlationid is not None:
        envelope["correlationid"] = fact.correlationid
    if fact.traceparent is not None:
        envelope["traceparent"] = fact.traceparent
    envelope["policy"] = fact.policy
    envelope["sequence"] = sequence
    envelope["input"] = input
    envelope["dates"] = fact.dates
    envelope["data"] = fact.body
    return orjson.dumps(envelope)


def encode_command(
    *,
    id: str,
    type: str,
    source: str,
    subject: str,
    time: int,
    body: dict[str, Any],
    **extensions: str | None,
) -> bytes:
    """The bytes of a command; `type` without version; extensions: replyto, causationid, …"""
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "type": f"{type}.v1",
        "source": source,
        "subject": subject,
        "time": format_instant(time),
    }
    envelope.update({name: value for name, value in extensions.items() if value is not None})
    envelope["data"] = body
    return orjson.dumps(envelope)
