"""The answer to a command that asked for one, and to its repeats."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from schemas.identifiers import derived
from schemas.instants import format_instant

TYPE: Final = "reply.v1"
_END: Final = b"}}"


@dataclass(slots=True, kw_only=True)
class Reply:
    """`facts` are types with version; amounts are minor units; what is None is not sent."""

    command: str
    outcome: Literal["accepted", "refused"]
    reason: str | None = None
    facts: tuple[str, ...] = ()
    balance: dict[str, int] | None = None
    account: dict[str, Any] | None = None
    covered: int | None = None
    due: int | None = None
    detail: str | None = None
    repeated: bool = False


def encode_reply(
    reply: Reply, *, subject: str, source: str, time: int, correlationid: str | None = None
) -> bytes:
    """The bytes of an answer: `source` is `service/<name>`, `time` the decision's (ms UTC)."""
    known = f'","type":"{TYPE}","source":"{source}","subject":"{subject}","time":"'
    head = f'{{"specversion":"1.0","id":"{derived("reply", subject, reply.command)}{known}'
    cause = f'{format_instant(time)}","causationid":"{reply.command}"'
    if correlationid is not None:
        cause += f',"correlationid":{orjson.dumps(correlationid).decode()}'
    # Ids and sources need no escapes (their patterns allow none). `data` stays last, and the object
    # is never empty: `repeated_answer` writes at its end.
    return b"".join((head.encode(), cause.encode(), b',"data":', orjson.dumps(_said(reply)), b"}"))


def repeated_answer(first: bytes) -> bytes:
    """The first answer again, for a repeated command: byte for byte, with `repeated: true`."""
    assert first.endswith(_END)
    return first[: -len(_END)] + b',"repeated":true' + _END


def read_reply(value: bytes) -> Reply:
    """The answer in a reply's bytes; ValueError for anything else."""
    envelope = orjson.loads(value)
    if not isinstance(envelope, dict) or envelope.get("type") != TYPE:
        raise ValueError(f"not a {TYPE}")
    said = envelope["data"]
    return Reply(**{**said, "facts": tuple(said["facts"])})


def _said(reply: Reply) -> dict[str, Any]:
    said: dict[str, Any] = {"command": reply.command, "outcome": reply.outcome}
    if reply.reason is not None:
        said["reason"] = reply.reason
    said["facts"] = reply.facts
    for name in ("balance", "account", "covered", "due", "detail"):
        value = getattr(reply, name)
        if value is not None:
            said[name] = value
    if reply.repeated:
        said["repeated"] = True
    return said
