"""Settlement's sink: items become rows and pair; facts of runs are compared, or rebuild the rows.

Runs are decided in PostgreSQL, so their facts are there before they are on the topic. One that is
in the outbox with the same content is done with; with other content it stops the sink. One that is
not there comes from before this database was made: it takes effect again, and is never decided.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, MetaData, Table, select

from schemas.message import Published
from schemas.settlement import ItemAccrued
from schemas.topics import SETTLEMENT_BATCHES, SETTLEMENT_ITEMS, Topic
from services.runtime.outbox_table import insert_new, outbox
from services.runtime.progress import SinkError
from services.runtime.records import Record
from services.runtime.tables import insert_rows
from services.settlement.effects.runs import take_effect
from services.settlement.effects.tables import claims_of, item_row, pair
from services.settlement.tables import METADATA, batch_fact, item, progress


class ContentConflictError(SinkError):
    """A fact (or item) is known with other content. Compare the two; one of them was changed."""


class SettlementSink:
    """Writes the schema `settlement`; `timezone` is the bank's, for what is read back."""

    def __init__(self, timezone: str) -> None:
        self._timezone = timezone

    @property
    def name(self) -> str:
        """The name its positions are kept under."""
        return "settlement"

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Items, and the facts of runs."""
        return (SETTLEMENT_ITEMS, SETTLEMENT_BATCHES)

    @property
    def metadata(self) -> MetaData:
        """The schema `settlement`."""
        return METADATA

    @property
    def progress(self) -> Table:
        """Where its positions are."""
        return progress

    def apply(
        self,
        connection: Connection,
        topic: Topic,
        partition: int,
        records: Sequence[Record],
        facts: Sequence[Published],
    ) -> None:
        """Write the rows of these facts. Raises ContentConflictError."""
        if topic == SETTLEMENT_ITEMS:
            _accrue(connection, facts)
            return
        for fact in facts:
            self._run_fact(connection, fact)

    def _run_fact(self, connection: Connection, fact: Published) -> None:
        told = select(outbox.c.type, outbox.c.subject, outbox.c.body).where(
            outbox.c.fact == fact.id
        )
        known = connection.execute(told).first()
        if known is not None:
            if (known.type, known.subject, known.body) != (fact.type, fact.subject, _plain(fact)):
                raise ContentConflictError(f"{fact.type} {fact.id} of run {fact.subject}")
            return
        row = {"fact": fact.id, "run": fact.subject, "type": fact.type, "content": content(fact)}
        if insert_new(connection, batch_fact, row):
            take_effect(connection, fact.body, fact.time, self._timezone)
            return
        before = select(batch_fact.c.content).where(batch_fact.c.fact == fact.id)
        if connection.execute(before).scalar_one() != row["content"]:
            raise ContentConflictError(f"{fact.type} {fact.id} of run {fact.subject}")


def content(fact: Published) -> str:
    """SHA-256 (hex) of what a fact says, whatever its place in the log."""
    said = [fact.type, fact.subject, fact.time, fact.policy, fact.dates, fact.body]
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _plain(fact: Published) -> Any:
    return orjson.loads(orjson.dumps(fact.body))


def _accrue(connection: Connection, facts: Sequence[Published]) -> None:
    rows: dict[str, dict[str, Any]] = {}
    for fact in facts:
        assert isinstance(fact.body, ItemAccrued)
        row = item_row(
            fact.body,
            fact=fact.id,
            content=content(fact),
            policy=fact.policy,
            dates=fact.dates,
        )
        known = rows.setdefault(row["item"], row)
        _require_same(row, known["content"])
    known_rows = connection.execute(
        select(item.c.item, item.c.content).where(item.c.item.in_(list(rows)))
    )
    for known_row in known_rows:
        _require_same(rows.pop(known_row.item), known_row.content)
    for name, (run, state) in claims_of(connection, list(rows)).items():
        rows[name] |= {"run": run, "state": state}
    insert_rows(connection, item, list(rows.values()))
    pair(connection, [row["reverses"] for row in rows.values() if row["reverses"]])


def _require_same(row: dict[str, Any], content_known: str) -> None:
    if row["content"] != content_known:
        raise ContentConflictError(f"item {row['item']} of account {row['account']}")
