"""Sinks: what turns the facts of topics into rows, exactly once, in one database transaction."""

from collections.abc import Sequence
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, MetaData, Table

from schemas.codec import read_fact
from schemas.message import Published
from schemas.topics import Topic
from services.runtime.crash import CrashPoints, NoCrash, Point
from services.runtime.progress import (
    Place,
    Position,
    PositionLostError,
    UnreadableFactError,
    follow,
    move,
    read_position,
)
from services.runtime.records import Record

NO_CRASH: Final[CrashPoints] = NoCrash()


class Sink(Protocol):
    """Writes the rows of some topics' facts into its own schema.

    `progress` is the schema's table by `progress_table`; `apply` runs in the transaction that moves
    it, so it may count on seeing every fact once, in order within its partition.
    """

    @property
    def name(self) -> str:
        """The name its positions are kept under."""
        ...

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What it reads."""
        ...

    @property
    def metadata(self) -> MetaData:
        """Its tables."""
        ...

    @property
    def progress(self) -> Table:
        """Where its positions are."""
        ...

    def apply(
        self,
        connection: Connection,
        topic: Topic,
        partition: int,
        records: Sequence[Record],
        facts: Sequence[Published],
    ) -> None:
        """Write the rows of these facts, one for each record."""
        ...


def position_of(engine: Engine, sink: Sink, topic: Topic, partition: int) -> int:
    """The offset the sink reads next on this partition."""
    with engine.connect() as connection:
        place = Place(sink.name, topic.name, partition)
        position = read_position(connection, sink.progress, place)
    return 0 if position is None else position.next_offset


def apply_batch(
    engine: Engine,
    sink: Sink,
    records: Sequence[Record],
    crash: CrashPoints = NO_CRASH,
    since: int = 0,
) -> int:
    """Apply records of one partition in log order; how many of them were new.

    Records below the sink's position are left out: they have been applied. They are all there is
    from offset `since` on: of a position before it nothing here would show what is missing, for
    facts are numbered for each of their inputs. Check, rows and position are one transaction.
    Raises SinkError, and then nothing is stored.
    """
    if not records:
        return 0
    first = records[0]
    assert all((r.topic, r.partition) == (first.topic, first.partition) for r in records)
    topic = next(topic for topic in sink.topics if topic.name == first.topic)
    place = Place(sink.name, topic.name, first.partition)
    facts = [_read(topic, record) for record in records]
    with engine.begin() as connection:
        before = read_position(connection, sink.progress, place)
        start = before or Position()
        if start.next_offset < since:
            raise PositionLostError(f"{place} is at {start.next_offset}, and was at {since}")
        known = sum(record.offset < start.next_offset for record in records)
        if known == len(records):
            return 0
        records, facts = records[known:], facts[known:]
        after = follow(start, records, facts)
        crash.at(Point.SINK_BEFORE_POSITION)
        # The position is taken first: a rival waits here, and not somewhere among the rows.
        move(connection, sink.progress, place, before, after, facts[-1].time)
        crash.at(Point.SINK_AFTER_POSITION)
        sink.apply(connection, topic, first.partition, records, facts)
        crash.at(Point.SINK_AFTER_ROWS)
    return len(records)


def _read(topic: Topic, record: Record) -> Published:
    try:
        return read_fact(topic, record.value or b"")
    except ValueError as error:
        spot = f"{record.topic}/{record.partition} offset {record.offset}"
        raise UnreadableFactError(f"{spot}: {error}") from error
