"""Facts are numbered without gaps, chained, unique, under their key, as many as writers say."""

from collections.abc import Iterator
from typing import Final

from schemas.codec import read_fact
from schemas.message import Published
from schemas.topics import (
    ISSUANCE_EVENTS,
    LEDGER_OPERATIONS,
    REDEMPTION_EVENTS,
    SETTLEMENT_BATCHES,
    Topic,
)
from services.ledger.worker import SPEC as LEDGER
from services.runtime.advance import Progress
from services.runtime.outbox import TABLE as OUTBOX
from services.runtime.progress import Position, SinkError, follow
from services.runtime.records import Record
from services.runtime.staging import AFTER_HEADER, CHAIN_HEADER
from services.settlement.worker import SPEC as SETTLEMENT
from services.verify.catching import WORKERS
from services.verify.evidence import FACT_TOPICS, Evidence
from services.verify.verdicts import Break, Verdict

# Who writes a topic, and what its facts are decided from.
_WRITERS: Final[dict[str, tuple[str, tuple[Topic, ...]]]] = {
    ISSUANCE_EVENTS.name: ("issuance", WORKERS["issuance"][0]),
    REDEMPTION_EVENTS.name: ("redemption", WORKERS["redemption"][0]),
    SETTLEMENT.output.name: ("settlement", SETTLEMENT.inputs),
    LEDGER.output.name: ("ledger", LEDGER.inputs),
    SETTLEMENT_BATCHES.name: ("settlement", (OUTBOX,)),
    LEDGER_OPERATIONS.name: ("ledger", (OUTBOX,)),
}
_DIGITS_MAX: Final = 19
# What a record of a fact may have beside it; that of the end of a batch once had the chain alone.
_HEADERS: Final[tuple[list[str], ...]] = ([], [CHAIN_HEADER], [CHAIN_HEADER, AFTER_HEADER])


class _Batches:
    """Where on a partition the batches of each input end, as their headers say.

    `open` are the places of facts behind the last end, by input.
    """

    def __init__(self) -> None:
        self.open: dict[str, list[str]] = {}
        self._telling: set[str] = set()

    def see(self, spot: str, record: Record, fact: Published) -> Iterator[str]:
        """The next fact; what does not go with those before it."""
        before = self.open.setdefault(fact.input, [])
        if record.header(CHAIN_HEADER) is None:
            before.append(spot)
            return
        said = record.header(AFTER_HEADER)
        last_end = fact.sequence - len(before) - 1
        if said is None and fact.input in self._telling:
            yield f"{spot} has a {CHAIN_HEADER} without {AFTER_HEADER}"
        if said is not None:
            self._telling.add(fact.input)
            after = int(said) if said.isdigit() and len(said) <= _DIGITS_MAX else -1
            if last_end < after < fact.sequence:
                yield f"{before[after - last_end - 1]} has no {CHAIN_HEADER}, and ends a batch"
            elif after != last_end:
                yield f"{spot} has {AFTER_HEADER} {said!r}, and the batch before ends at {last_end}"
        before.clear()


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
    position, batches = Position(), _Batches()
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
        for said in batches.see(spot, record, fact):
            yield _named(said, fact)
    yield from _against_writer(evidence, topic, number, position, batches)


def _beside(record: Record, fact: Published) -> Iterator[str]:
    """What no chain covers follows from the fact: its key, its time, the end of a batch or none."""
    if record.key != fact.subject.encode():
        yield f"has the key {record.key!r}, its fact is of {fact.subject}"
    if record.timestamp != fact.time:
        yield f"is stamped {record.timestamp}, its fact {fact.time}"
    names = [name for name, _ in record.headers]
    if names not in _HEADERS:
        yield f"has headers {names}, a fact has {CHAIN_HEADER} and {AFTER_HEADER} or none"


def _named(detail: str, fact: Published) -> Break:
    entity = next(iter(fact.dates), "")
    return Break(detail, entity, fact.subject, fact.id)


def _against_writer(
    evidence: Evidence, topic: Topic, number: int, position: Position, batches: _Batches
) -> Iterator[Break]:
    """Its progress before and after the facts were read says how many there are between."""
    writer, sources = _WRITERS[topic.name]
    for name in sorted({*position.sequences, *(source.name for source in sources)}):
        there, place = position.sequences.get(name, 0), (name, number)
        spot = f"{topic.name}/{number} from {name}"
        known = evidence.progress[writer].get(place, Progress())
        if there < known.sequence:
            yield Break(f"{spot} has {there} facts, its writer made {known.sequence}")
        if there == known.sequence > 0:
            chain = position.chains[name]
            if chain != known.chain:
                yield Break(f"{spot} ends chain {chain}, its writer's {known.chain}")
            for last in batches.open[name][-1:]:
                yield Break(f"{last} has no {CHAIN_HEADER}, and ends a batch")
        if evidence.later is not None:
            made = evidence.later[writer].get(place, Progress()).sequence
            if there > made:
                yield Break(f"{spot} has {there} facts, its writer made {made}")
