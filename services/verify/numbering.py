"""Facts are numbered without gaps, chained, unique, under their key, as many as writers say."""

from collections.abc import Iterator

from schemas.codec import read_fact
from schemas.message import Published
from schemas.topics import ISSUANCE_EVENTS, REDEMPTION_EVENTS, Topic
from services.ledger.worker import SPEC as LEDGER
from services.runtime.progress import Position, SinkError, follow
from services.runtime.records import Record
from services.runtime.staging import CHAIN_HEADER
from services.settlement.worker import SPEC as SETTLEMENT
from services.verify.catching import WORKERS
from services.verify.evidence import FACT_TOPICS, Evidence
from services.verify.verdicts import Break, Verdict

_WRITTEN_BY: dict[str, Topic] = {
    "issuance": ISSUANCE_EVENTS,
    "redemption": REDEMPTION_EVENTS,
    "settlement": SETTLEMENT.output,
    "ledger": LEDGER.output,
}


def numbered(evidence: Evidence) -> Verdict:
    """Every topic of facts, every partition."""
    verdict = Verdict("facts_are_numbered_and_chained")
    for topic in FACT_TOPICS:
        ids: dict[str, str] = {}
        for number in evidence.tail.numbers(topic):
            verdict.checked += len(evidence.tail.of(topic, number))
            verdict.add(_partition(evidence, topic, number, ids))
    return verdict


def _partition(
    evidence: Evidence, topic: Topic, number: int, ids: dict[str, str]
) -> Iterator[Break]:
    position = Position()
    for record in evidence.tail.of(topic, number):
        spot = f"{topic.name}/{number} offset {record.offset}"
        try:
            fact = read_fact(topic, record.value or b"")
        except ValueError as error:
            yield Break(f"{spot} is no fact: {error}")
            return
        if fact.id in ids:
            yield Break(f"{spot} has the id of {ids[fact.id]}", "", fact.subject, fact.id)
        ids[fact.id] = spot
        for said in _beside(record, fact):
            yield _named(f"{spot} {said}", fact)
        try:
            position = follow(position, [record], [fact])
        except SinkError as error:
            yield _named(str(error), fact)
            return
    yield from _against_writers(evidence, topic, number, position)


def _beside(record: Record, fact: Published) -> Iterator[str]:
    """What no chain covers follows from the fact: its key, its time, and a chain or nothing."""
    if record.key != fact.subject.encode():
        yield f"has the key {record.key!r}, its fact is of {fact.subject}"
    if record.timestamp != fact.time:
        yield f"is stamped {record.timestamp}, its fact {fact.time}"
    names = [name for name, _ in record.headers]
    if names not in ([], [CHAIN_HEADER]):
        yield f"has headers {names}, a fact has {CHAIN_HEADER} or none"


def _named(detail: str, fact: Published) -> Break:
    entity = next(iter(fact.dates), "")
    return Break(detail, entity, fact.subject, fact.id)


def _against_writers(
    evidence: Evidence, topic: Topic, number: int, position: Position
) -> Iterator[Break]:
    """A writer's progress was read before its facts: there are at least as many as it says."""
    writer = next((name for name, written in _WRITTEN_BY.items() if written == topic), None)
    if writer is None:
        return
    for source in WORKERS[writer][0]:
        progress = evidence.progress[writer].get((source.name, number))
        if progress is None:
            continue
        there = position.sequences.get(source.name, 0)
        spot = f"{topic.name}/{number} from {source.name}"
        if there < progress.sequence:
            yield Break(f"{spot} has {there} facts, its writer made {progress.sequence}")
        chain = position.chains.get(source.name)
        if there == progress.sequence and there and chain != progress.chain:
            yield Break(f"{spot} ends chain {chain}, its writer's {progress.chain}")
