"""How far a sink is, kept beside its rows and moved in the same transaction as they are.

Facts are numbered without gaps for each topic they were decided from, on each partition, and
chained by SHA-256 (design: facts carry `sequence`, and so runs the chain). A sink that checks both
notices whatever was lost, repeated or forked on the way.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from schemas.errors import ScripError
from schemas.message import Published
from services.runtime.advance import GENESIS
from services.runtime.records import Record
from services.runtime.staging import CHAIN_HEADER


class SinkError(ScripError):
    """What a sink reads is not what its writers wrote. It has stopped; nothing of it is stored."""


class GapError(SinkError):
    """A fact is missing before this one. Find where the log was cut; rebuild from a whole copy."""


class RepeatError(SinkError):
    """A fact stands on the topic twice: two writers had one identity. Stop them and compare."""


class ForkError(SinkError):
    """The bytes are not those that were chained: the log was changed after it was written."""


class RivalSinkError(SinkError):
    """Another sink of this name has moved on. Read the position again; nothing is lost."""


class PositionLostError(SinkError):
    """The database lost what it had acknowledged. Read the position again; the log has it all."""


class UnreadableFactError(SinkError):
    """A record on a topic of facts is none: its writer is newer than this sink. Upgrade it."""


@dataclass(frozen=True, slots=True)
class Position:
    """`next_offset` to read; per input topic the last sequence and the chain (hex) up to it."""

    next_offset: int = 0
    sequences: dict[str, int] = field(default_factory=dict)
    chains: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose position: a sink by name, on one partition of a topic."""

    sink: str
    topic: str
    partition: int


def progress_table(metadata: MetaData) -> Table:
    """The table `progress` in the metadata's schema."""
    return Table(
        "progress",
        metadata,
        Column("sink", String(64), primary_key=True),
        Column("topic", String(128), primary_key=True, comment="without namespace"),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("next_offset", BigInteger, nullable=False),
        Column("sequences", JSON, nullable=False, comment="{input topic: last sequence}"),
        Column("chains", JSON, nullable=False, comment="{input topic: SHA-256 chain, hex}"),
        Column("fact_time", BigInteger, nullable=False, comment="ms UTC of the last fact"),
    )


def read_position(connection: Connection, table: Table, place: Place) -> Position | None:
    """Where the sink is; None: it has read nothing yet."""
    row = connection.execute(
        select(table.c.next_offset, table.c.sequences, table.c.chains).where(
            table.c.sink == place.sink,
            table.c.topic == place.topic,
            table.c.partition == place.partition,
        )
    ).first()
    return None if row is None else Position(row[0], dict(row[1]), dict(row[2]))


def follow(before: Position, records: Sequence[Record], facts: Sequence[Published]) -> Position:
    """The position after these records. Raises GapError, RepeatError, ForkError."""
    sequences, chains = dict(before.sequences), dict(before.chains)
    next_offset = before.next_offset
    for record, fact in zip(records, facts, strict=True):
        expected = sequences.get(fact.input, 0) + 1
        if fact.sequence > expected:
            raise GapError(f"{_spot(record, fact)}, not {expected}")
        if fact.sequence < expected or record.offset < next_offset:
            raise RepeatError(f"{_spot(record, fact)} once more")
        link = bytes.fromhex(chains.get(fact.input, GENESIS)) + (record.value or b"")
        chain = hashlib.sha256(link).hexdigest()
        said = record.header(CHAIN_HEADER) if record.headers else None
        if said is not None and said != chain.encode():
            raise ForkError(f"{_spot(record, fact)} ends chain {chain}, its writer's {said!r}")
        sequences[fact.input], chains[fact.input] = fact.sequence, chain
        next_offset = record.offset + 1
    return Position(next_offset, sequences, chains)


def _spot(record: Record, fact: Published) -> str:
    return (
        f"{record.topic}/{record.partition} offset {record.offset}: {fact.type} {fact.id} "
        f"has sequence {fact.sequence} of {fact.input}"
    )


def move(
    connection: Connection,
    table: Table,
    place: Place,
    before: Position | None,
    after: Position,
    fact_time: int,
) -> None:
    """Compare and set, in the caller's transaction. Raises RivalSinkError."""
    values = {
        "next_offset": after.next_offset,
        "sequences": after.sequences,
        "chains": after.chains,
        "fact_time": fact_time,
    }
    rival = f"{place.sink} on {place.topic}/{place.partition} is no longer where it was read"
    if before is None:
        key = {"sink": place.sink, "topic": place.topic, "partition": place.partition}
        try:
            connection.execute(insert(table).values(**key, **values))
        except IntegrityError as taken:
            raise RivalSinkError(rival) from taken
        return
    moved = connection.execute(
        update(table)
        .where(
            table.c.sink == place.sink,
            table.c.topic == place.topic,
            table.c.partition == place.partition,
            table.c.next_offset == before.next_offset,
        )
        .values(**values)
    )
    if moved.rowcount != 1:
        raise RivalSinkError(rival)
