"""Operations in PostgreSQL and the outbox their facts leave by; the table is the runner's log.

A fact is appended in the transaction of what it tells. Its position is allocated under the lock of
the head's row, held until that transaction ends, so positions commit in order and without gaps, and
a reader that has seen position n will never find a smaller one appear.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    event,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from schemas.errors import ScripError
from schemas.identifiers import derived
from services.runtime.tables import is_postgres

METADATA = MetaData(schema="operations")
READ_MAX = 1000

operation = Table(
    "operation",
    METADATA,
    Column("id", String(128), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("approved_by", String(128)),
    Column("as_of", JSON, nullable=False, comment="{topic/partition: next offset}"),
    Column("state", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False, comment="ms UTC"),
    Column("executed_at", BigInteger, comment="ms UTC"),
    Column("told", JSON, comment="the fact's body, where one fact tells all of it"),
)
outbox = Table(
    "outbox",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("topic", String(128), nullable=False),
    Column("subject", String(128), nullable=False, comment="key of the record"),
    Column("type", String(64), nullable=False),
    Column("fact", String(36), nullable=False),
    Column("causation", String(128), nullable=False),
    Column("body", JSON, nullable=False),
    Column("dates", JSON, nullable=False),
    Column("policy", Integer, nullable=False),
    Column("time", BigInteger, nullable=False, comment="ms UTC"),
    UniqueConstraint("fact", name="outbox_fact_once"),
    Index("outbox_by_topic", "topic", "position"),
)
outbox_head = Table(
    "outbox_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False, comment="of the last fact appended"),
)
HEAD_ROW = "INSERT INTO operations.outbox_head (id, position) VALUES (1, 0)"
event.listen(outbox_head, "after_create", DDL(HEAD_ROW))  # type: ignore[no-untyped-call]


class OutboxConflictError(ScripError):
    """A fact's id is known with other content: an operation was run again, changed. Stop."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A fact to append: the `number`th of its type for its subject, from 0.

    `type` has its version; `body` a slots dataclass; `time` ms UTC. Its id follows from subject,
    type and number, so running an operation again makes the same one.
    """

    topic: str
    subject: str
    type: str
    number: int
    causation: str
    body: Any
    dates: Mapping[str, Mapping[str, str]]
    policy: int
    time: int

    @property
    def fact(self) -> str:
        """The fact's id."""
        return derived("outbox fact", self.subject, self.type, str(self.number))


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A fact as it waits to be published; `body` as JSON reads it, in its written order."""

    position: int
    topic: str
    subject: str
    type: str
    fact: str
    causation: str
    body: dict[str, Any]
    dates: dict[str, dict[str, str]]
    policy: int
    time: int


def publish(connection: Connection, telling: Telling) -> int:
    """Append a fact in the caller's transaction; its position. Known already: that one's.

    Raises OutboxConflictError if the id is known with other content.
    """
    body = orjson.loads(orjson.dumps(telling.body))
    known = _known(connection, telling.fact)
    if known is not None:
        if (known.subject, known.type, known.body) != (telling.subject, telling.type, body):
            raise OutboxConflictError(f"fact {telling.fact} of {telling.subject}")
        return known.position
    position = connection.execute(
        update(outbox_head)
        .where(outbox_head.c.id == 1)
        .values(position=outbox_head.c.position + 1)
        .returning(outbox_head.c.position)
    ).scalar_one()
    connection.execute(
        outbox.insert().values(
            position=position,
            topic=telling.topic,
            subject=telling.subject,
            type=telling.type,
            fact=telling.fact,
            causation=telling.causation,
            body=body,
            dates=dict(telling.dates),
            policy=telling.policy,
            time=telling.time,
        )
    )
    return int(position)


def read(
    connection: Connection, after: int, limit: int = READ_MAX, topic: str | None = None
) -> list[OutboxRow]:
    """Facts behind a position, in order; with `topic` those of one topic only."""
    wanted = select(outbox).where(outbox.c.position > after)
    if topic is not None:
        wanted = wanted.where(outbox.c.topic == topic)
    found = connection.execute(wanted.order_by(outbox.c.position).limit(limit))
    return [OutboxRow(**row) for row in found.mappings()]


def raise_head(connection: Connection, position: int) -> None:
    """After a rebuild of the database: nothing gets a position that was published before."""
    connection.execute(
        update(outbox_head)
        .where(outbox_head.c.id == 1, outbox_head.c.position < position)
        .values(position=position)
    )


def insert_new(
    connection: Connection, table: Table, row: Mapping[str, Any], keys: Sequence[str] = ()
) -> bool:
    """Insert unless a unique key forbids it; False: it was there (a rival's insert is awaited).

    `keys` name the unique columns; none: any.
    """
    make = insert_postgres if is_postgres(connection) else insert_sqlite
    statement = make(table).values(**row).on_conflict_do_nothing(index_elements=list(keys) or None)
    inserted = statement.returning(*table.primary_key.columns)
    return connection.execute(inserted).first() is not None


def _known(connection: Connection, fact: str) -> OutboxRow | None:
    found = connection.execute(select(outbox).where(outbox.c.fact == fact)).mappings().first()
    return None if found is None else OutboxRow(**found)
