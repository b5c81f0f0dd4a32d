"""Every command has exactly one outcome, and every fact exactly one command."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import orjson

from schemas.codec import Broadcast, Unreadable, internal, read_command
from schemas.identifiers import fact_id, first_number
from schemas.message import Command, Published
from schemas.reply import read_reply
from schemas.sweeps import SWEEP, commands_of
from schemas.topics import DEADLETTERS
from services.issuance.worker import SPEC as ISSUANCE
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.admission import is_answered
from services.runtime.answers import ANSWER_KEPT, answer_key, answer_parts, pending
from services.runtime.deadletters import read_dead_letter
from services.runtime.deciding import DecidingSpec
from services.runtime.records import Record
from services.verify.evidence import Evidence
from services.verify.verdicts import Break, Verdict

REFUSED: Final = "_refused.v1"
_Place = tuple[str, int, int]
_Asked = tuple[str, str, str]


@dataclass(slots=True)
class _Said:
    """One command, however often it was delivered: first decided, then answered the same.

    `content` is that of the first delivery that has one: what a sweep holds has none. `numbers` is
    where facts may be counted from, by the times it claimed.
    """

    command: Command
    first: Record
    content: bytes | None = None
    numbers: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Service:
    """What a deciding service was told and what it said."""

    spec: DecidingSpec
    letters: dict[_Place, list[str]]
    facts: dict[str, Published]
    by_cause: dict[tuple[str, str], list[Published]]
    answers: dict[str, bytes]
    replies: Counter[_Asked]
    replies_whole: bool
    partitions: int
    wanted: Counter[_Asked] = field(default_factory=Counter)
    said: dict[tuple[str, str], list[_Said]] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)


def outcomes(evidence: Evidence) -> Verdict:
    """Both command topics, as far as their services have decided."""
    verdict = Verdict("every_command_has_one_outcome")
    letters = _letters(evidence)
    for spec in (ISSUANCE, REDEMPTION):
        service = _service(evidence, spec, letters)
        for record in evidence.tail.records(spec.commands):
            if evidence.passed(spec.service, record):
                verdict.checked += 1
                verdict.add(_take(service, record))
        for one_id in service.said.values():
            # An id may come again once its answer is forgotten: the answer there is, is the last's.
            for said in one_id[:-1]:
                _claim(service, said)
            verdict.add(_judge(evidence, service, one_id[-1]))
        verdict.add(_replied(service))
        verdict.add(_caused(evidence, service))
    return verdict


def _letters(evidence: Evidence) -> dict[_Place, list[str]]:
    found: dict[_Place, list[str]] = {}
    for record in evidence.tail.records(DEADLETTERS):
        said = read_dead_letter(record)
        place = (str(said["topic"]), int(said["partition"]), int(said["offset"]))
        found.setdefault(place, []).append(str(said["cause"]))
    return found


def _service(evidence: Evidence, spec: DecidingSpec, letters: dict[_Place, list[str]]) -> _Service:
    tail = evidence.tail
    answers: dict[str, bytes] = {}
    for number in tail.numbers(spec.memory):
        rows = tail.latest(spec.memory, number).items()
        answers |= {key: value for key, value in rows if "/answer/" in key}
    replies: Counter[_Asked] = Counter()
    for record in tail.records(spec.replies):
        said = orjson.loads(record.value or b"{}")
        replies[(record.key or b"").decode(), said["subject"], said["data"]["command"]] += 1
    firsts = [tail.of(spec.replies, number)[:1] for number in tail.numbers(spec.replies)]
    facts = {seen.fact.id: seen.fact for seen in evidence.all_facts(spec.events)}
    by_cause: dict[tuple[str, str], list[Published]] = {}
    for fact in facts.values():
        by_cause.setdefault((fact.subject, fact.causationid), []).append(fact)
    return _Service(
        spec,
        letters,
        facts,
        by_cause,
        answers,
        replies,
        # Replies are kept for a day: where the first ones are gone, they cannot be counted.
        all(record.offset == 0 for first in firsts for record in first),
        len(tail.numbers(spec.commands)),
    )


def _take(service: _Service, record: Record) -> Iterator[Break]:
    """Sort a record in: buried, told to everybody, or said to one account."""
    causes = service.letters.get((record.topic, record.partition, record.offset), [])
    message = read_command(service.spec.service, record.value)
    spot = f"{record.topic}/{record.partition} offset {record.offset}"
    if len(causes) > 1:
        yield Break(f"{spot} is a dead letter {len(causes)} times")
    if causes:
        if is_answered(record, message, causes[0], service.partitions):
            assert not isinstance(message, Broadcast)
            _expect_reply(service, message)
        return
    match message:
        case Unreadable(cause=cause):
            yield Break(f"{spot} cannot be read and is no dead letter: {cause}")
        case Command():
            for command in commands_of(message):
                one_id = service.said.setdefault((command.subject, command.id), [])
                if not one_id or one_id[-1].first.timestamp + ANSWER_KEPT <= record.timestamp:
                    one_id.append(_Said(command, record))
                one_id[-1].content = one_id[-1].content or command.content
                one_id[-1].numbers.add(first_number(command.time))
            if message.type != SWEEP:
                _expect_reply(service, message)
        case Broadcast():
            return


def _expect_reply(service: _Service, message: Command | Unreadable) -> None:
    if message.id and message.subject and message.replyto:
        service.wanted[message.replyto, message.subject, message.id] += 1


def _judge(evidence: Evidence, service: _Service, said: _Said) -> Iterator[Break]:
    command = said.command
    facts, forgettable = _claim(service, said)
    key = answer_key(command.subject, command.id)
    answer = service.answers.get(key)
    if answer is None:
        if not facts and not forgettable and not _leaves_no_trace(evidence, service, said):
            detail = f"{command.type} has no answer, no fact and no dead letter"
            yield Break(detail, "", command.subject, command.id)
        return
    content, reply = answer_parts(answer)
    if pending(reply) is not None:
        return
    types = read_reply(reply).facts
    if content != said.content:
        detail = f"{command.type} is answered as if it had said something else"
        yield Break(detail, "", command.subject, command.id)
    there_are = (tuple(fact.type for fact in facts), tuple(fact.type for fact in forgettable[-1:]))
    if types not in there_are:
        there = ", ".join(there_are[0] or there_are[1]) or "none"
        detail = f"{command.type} is answered with facts {', '.join(types) or 'none'}; on its topic"
        yield Break(f"{detail} {there}", "", command.subject, command.id)


def _claim(service: _Service, said: _Said) -> tuple[list[Published], list[Published]]:
    """The facts this command led to: their ids follow from it, counted without a gap.

    Apart from them, refusals that are soon forgotten: theirs follow from their instant, as does
    what comes of a command later, and there may be several if the command came again after that.
    """
    topic, command = service.spec.events.name, said.command
    found: list[Published] = []
    for first in sorted(said.numbers):
        for number in count(first):
            fact = service.facts.get(fact_id(topic, command.subject, command.id, number))
            if fact is None:
                break
            found.append(fact)
    timed = [
        fact
        for fact in service.by_cause.get((command.subject, command.id), ())
        if fact.id == fact_id(topic, command.subject, command.id, fact.time)
    ]
    service.claimed.update(fact.id for fact in (*found, *timed))
    forgettable = [fact for fact in timed if fact.type.endswith(REFUSED)]
    return [*found, *(fact for fact in timed if fact not in forgettable)], forgettable


def _leaves_no_trace(evidence: Evidence, service: _Service, said: _Said) -> bool:
    """An enquiry is only replied to, a sweep may find nothing due, and what is old is forgotten."""
    command = said.command
    if command.type == "enquire" or internal(service.spec.service, command.type):
        return True
    first = said.first
    progress = evidence.progress[service.spec.service].get((first.topic, first.partition))
    return progress is not None and first.timestamp + ANSWER_KEPT <= progress.now


def _replied(service: _Service) -> Iterator[Break]:
    if not service.replies_whole:
        return
    for asked in sorted({*service.wanted, *service.replies}):
        wanted, given = service.wanted[asked], service.replies[asked]
        if _comes_later(service, asked):
            continue
        if given < wanted or (given > wanted and not _still_coming(service, asked)):
            detail = f"asked {wanted} times by {asked[0]}, replied {given} times"
            yield Break(detail, "", asked[1], asked[2])


def _comes_later(service: _Service, asked: _Asked) -> bool:
    """Another service still decides on it: whoever asks is answered then."""
    answer = service.answers.get(answer_key(asked[1], asked[2]))
    return answer is not None and pending(answer_parts(answer)[1]) is not None


def _still_coming(service: _Service, asked: _Asked) -> bool:
    """A reply to a command that was decided after progress was read."""
    return (asked[1], asked[2]) not in service.said


def _caused(evidence: Evidence, service: _Service) -> Iterator[Break]:
    """Facts that no command on the topic led to."""
    for record in evidence.tail.records(service.spec.commands):
        if not evidence.passed(service.spec.service, record):
            message = read_command(service.spec.service, record.value)
            if isinstance(message, Command):
                for command in commands_of(message):
                    numbers = {first_number(command.time)}
                    _claim(service, _Said(command, record, numbers=numbers))
    for id, fact in service.facts.items():
        if id not in service.claimed:
            entity = next(iter(fact.dates), "")
            yield Break(f"{fact.type} has no command {fact.causationid}", entity, fact.subject, id)
