"""Answers: the same command id gets the same answer again, for as long as it could come again."""

from typing import Any, Final

import orjson

from schemas.instants import DAY, HOUR

TOO_OLD_AFTER: Final = 35 * DAY
TOO_EARLY_BEFORE: Final = 1 * DAY
ANSWER_KEPT: Final = 37 * DAY
ANSWER_KEPT_UNKNOWN: Final = 24 * HOUR
UNKNOWN_MAX: Final = 10_000
ASKED_MAX: Final = 100
_HEAD: Final = b'{"u":'
_CONTENT: Final = b',"c":"'
_REPLY: Final = b'","r":'
_PENDING: Final = b'{"asked":'


def answer_key(subject: str, command: str) -> str:
    """The key of the answer to a command."""
    return f"{subject}/answer/{command}"


def write_answer(until: int, content: bytes, reply: bytes) -> bytes:
    """The row of an answer: until when it counts, the content's hash, the reply as it was sent."""
    return b"".join((_HEAD, str(until).encode(), _CONTENT, content, _REPLY, reply, b"}"))


def answer_until(row: bytes) -> int:
    """Until when the answer counts (ms UTC)."""
    return int(row[len(_HEAD) : row.index(b",", len(_HEAD))])


def answer_parts(row: bytes) -> tuple[bytes, bytes]:
    """The content's hash and the reply's bytes."""
    start = row.index(_CONTENT) + len(_CONTENT)
    end = row.index(_REPLY, start)
    return row[start:end], row[end + len(_REPLY) : -1]


def write_pending(asked: list[list[str | None]]) -> bytes:
    """In place of a reply that comes later: who waits for it, as [replyto, correlationid]."""
    return _PENDING + orjson.dumps(asked[:ASKED_MAX]) + b"}"


def pending(reply: bytes) -> list[list[str | None]] | None:
    """Who waits for the reply, in order of asking; None: it has been given."""
    if not reply.startswith(_PENDING):
        return None
    asked: dict[str, Any] = orjson.loads(reply)
    return list(asked["asked"])
