"""Reads facts up to where the live workers and sinks are; joins no group, moves no offset."""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from sqlalchemy import Engine, select

from schemas.codec import read_fact
from schemas.errors import ScripError
from schemas.ledger import JournalAdjusted
from schemas.message import Published
from schemas.topics import (
    LEDGER_JOURNALS,
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    REDEMPTION_EVENTS,
    SETTLEMENT_ITEMS,
    SETTLEMENT_MEMORY,
    Topic,
)
from services.ledger import tables as ledger
from services.ledger.worker import SPEC as LEDGER
from services.runtime.ports import Log, StateReader, TopicPartition
from services.runtime.records import Record
from services.runtime.slices import slices
from services.runtime.waits import rest
from services.settlement import tables as settlement
from services.verify.catching import (
    Lag,
    behind_outboxes,
    behind_worker,
    positions_of,
    progress_of,
)
from services.verify.tail import Tail

READ_MAX: Final = 2_000
LOOK_SECONDS: Final = 0.2
TOPICS: Final[dict[str, Topic]] = {topic.name: topic for topic in LEDGER.inputs}
Bounds = dict[TopicPartition, int]


class LateError(ScripError):
    """A worker or a sink has not caught up, so live books cannot be compared. Start it, or wait."""


class TornTopicError(ScripError):
    """A topic has less than its readers have read. Restore the topic first."""


def bounds_of(log: Log, engine: Engine, seconds_max: float, say: Callable[[str], None]) -> Bounds:
    """{(topic, partition): offset} up to which live books and items are complete in PostgreSQL.

    Waits for that; raises LateError.
    """
    tail = Tail(log)
    deadline = monotonic() + seconds_max
    said = ""
    while True:
        tail.read_on((LEDGER_MEMORY, SETTLEMENT_MEMORY, LEDGER_OPERATIONS))
        found, late = _look(tail, engine)
        if not late:
            return found
        if monotonic() > deadline:
            raise LateError(str(late[0]))
        if str(late[0]) != said:
            said = str(late[0])
            say(f"waiting: {said}")
        rest(LOOK_SECONDS)


def _look(tail: Tail, engine: Engine) -> tuple[Bounds, list[Lag]]:
    of_ledger, of_settlement = progress_of(tail, "ledger"), progress_of(tail, "settlement")
    found = {place: progress.next for place, progress in of_ledger.items()}
    late = behind_outboxes(tail, engine)
    late += behind_worker(tail, "ledger", tail.ends((LEDGER_OPERATIONS,)))
    journals = _sequences(engine, ledger.progress, LEDGER_JOURNALS)
    for (topic, number), progress in of_ledger.items():
        at = journals.get(number, {}).get(topic, 0)
        if at < progress.sequence:
            place = (LEDGER_JOURNALS.name, number)
            late.append(Lag(f"ledger sink (from {topic})", place, at, progress.sequence))
    items = _sequences(engine, settlement.progress, SETTLEMENT_ITEMS)
    sunk = positions_of(engine, "ledger")
    for place in [place for place in found if place[0] == REDEMPTION_EVENTS.name]:
        behind = of_settlement.get(place)
        if behind is None or behind.next < found[place]:
            at = 0 if behind is None else behind.next
            late.append(Lag("settlement", place, at, found[place]))
        elif (at := items.get(place[1], {}).get(place[0], 0)) < behind.sequence:
            late.append(Lag("settlement sink", place, at, behind.sequence))
        if sunk.get(place, 0) < found[place]:
            late.append(Lag("ledger sink", place, sunk.get(place, 0), found[place]))
    return found, late


def _sequences(engine: Engine, table: object, topic: Topic) -> dict[int, dict[str, int]]:
    """{partition: {input topic: last sequence in the tables}}."""
    progress = ledger.progress if table is ledger.progress else settlement.progress
    query = select(progress.c.partition, progress.c.sequences).where(progress.c.topic == topic.name)
    with engine.connect() as connection:
        return {row.partition: dict(row.sequences) for row in connection.execute(query)}


def batches(
    reader: StateReader,
    place: TopicPartition,
    start: int,
    end: int,
    records_max: int = READ_MAX,
) -> Iterator[tuple[list[Published], int]]:
    """The facts from `start` up to `end`, a bounded number at a time, each with the next position.

    What cannot be read has become a dead letter, and is left out. Raises TornTopicError,
    SilentLogError.
    """
    topic = TOPICS[place[0]]
    ends = reader.end_in_doubt(*place)
    if ends < end:
        raise TornTopicError(f"{place[0]}/{place[1]} ends at {ends}, {end} were read")
    for records, after in slices(reader, *place, start, end, records_max):
        within = [record for record in records if record.offset < end]
        facts = [fact for record in within if (fact := _fact(topic, record)) is not None]
        yield facts, min(after, end)


def _fact(topic: Topic, record: Record) -> Published | None:
    try:
        return read_fact(topic, record.value or b"")
    except ValueError:
        return None


def adjustments(reader: StateReader, bounds: Bounds) -> dict[str, str]:
    """{id of an adjustment: id of the fact whose journals it set right}."""
    found: dict[str, str] = {}
    places = [place for place in bounds if place[0] == LEDGER_OPERATIONS.name]
    for place in sorted(places):
        for facts, _ in batches(reader, place, 0, bounds[place]):
            for fact in facts:
                if isinstance(fact.body, JournalAdjusted):
                    found[fact.id] = fact.body.adjusted
    return found
