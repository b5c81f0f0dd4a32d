"""What happened to every line that was published, by the replies and the dead letters."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas.reply import Reply, read_reply
from schemas.topics import (
    DEADLETTERS,
    ISSUANCE_REPLIES,
    REDEMPTION_BALANCES,
    REDEMPTION_REPLIES,
)
from services.demo.channels import Line
from services.demo.model import expected
from services.runtime.deadletters import read_dead_letter
from services.runtime.records import Record
from services.verify.tail import Tail

Key = tuple[str, str]


@dataclass(slots=True)
class Happened:
    """`types` is {command type: {outcome: count}}; `letters` {cause: count}.

    `unanswered` are commands that asked and have neither reply nor dead letter: none, if all is
    well. `repeats` are replies that say they were given before.
    """

    types: dict[str, Counter[str]] = field(default_factory=dict)
    letters: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    unanswered: list[str] = field(default_factory=list)


def first_replies(tail: Tail) -> tuple[dict[Key, Reply], int]:
    """{(subject, command): the first reply}, and how many replies were repeats."""
    found: dict[Key, Reply] = {}
    repeats = 0
    for topic in (ISSUANCE_REPLIES, REDEMPTION_REPLIES):
        for record in tail.records(topic):
            reply = read_reply(record.value or b"")
            repeats += reply.repeated
            found.setdefault((_subject(record), reply.command), reply)
    return found, repeats


def _subject(record: Record) -> str:
    return str(orjson.loads(record.value or b"")["subject"])


def what_happened(lines: Iterable[Line], tail: Tail) -> Happened:
    """Count every line once under its outcome."""
    happened = Happened()
    replies, happened.repeats = first_replies(tail)
    buried = Counter(record.value for record in tail.records(DEADLETTERS))
    for record in tail.records(DEADLETTERS):
        cause = str(read_dead_letter(record)["cause"])
        happened.letters[cause.partition(":")[0]] += 1
    decided: set[Key] = set()
    for line in lines:
        kind = _kind(line.said)
        outcomes = happened.types.setdefault(kind, Counter())
        if buried[line.value]:
            buried[line.value] -= 1
            outcomes["dead letter"] += 1
            continue
        assert line.said is not None, "bytes that are no JSON are buried"
        key = (line.said["subject"], line.said["id"])
        reply = replies.get(key)
        if reply is None:
            happened.unanswered.append(f"{kind} {key[1]} of {key[0]}")
        elif key in decided:
            outcomes["delivered again"] += 1
        else:
            decided.add(key)
            outcomes[reply.outcome] += 1
            happened.refusals[reply.reason or ""] += reply.outcome == "refused"
    return happened


def _kind(said: dict[str, Any] | None) -> str:
    return "(bytes)" if said is None else str(said.get("type", "")).partition(".")[0]


def balances_of(tail: Tail) -> dict[str, int]:
    """Ledger balances by account, as the public topic has them."""
    return {
        account: orjson.loads(value)["ledger"]
        for number in tail.numbers(REDEMPTION_BALANCES)
        for account, value in tail.latest(REDEMPTION_BALANCES, number).items()
    }


def expected_balances(lines: Iterable[Line], tail: Tail) -> dict[str, int]:
    """The model's: from what was published and the first reply to each."""
    replies, _ = first_replies(tail)
    buried = {record.value for record in tail.records(DEADLETTERS)}
    said = (line.said for line in lines if line.said is not None and line.value not in buried)
    return expected(said, replies).ledger
