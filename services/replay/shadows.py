"""Works everything chosen out anew beside the live books, in the scratch schema; goes on if killed.

Every batch is one database transaction with the position after it, so a shadow that is ended goes
on where it was. It joins no group, and writes to no topic.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from schemas.errors import ScripError
from schemas.message import Published
from schemas.settlement import ItemAccrued
from schemas.topics import REDEMPTION_EVENTS
from services.ledger.adjusting import JOURNAL_ADJUSTED, Leg
from services.redemption.worker import SPEC as REDEMPTION
from services.replay import tables
from services.replay.books import PolicyUnknownError, wanted
from services.replay.plans import Plan
from services.replay.reading import READ_MAX, batches
from services.runtime.policies import Policies
from services.runtime.ports import Log, TopicPartition
from services.runtime.rowcodec import CoreRows
from services.runtime.tables import insert_rows
from services.settlement.worker import SPEC as SETTLEMENT

CODEC: Final = CoreRows(REDEMPTION.core.ROWS, REDEMPTION.memory, REDEMPTION.public)
_REFUSED: Final = "_refused.v1"


class RivalShadowError(ScripError):
    """Another shadow of this plan goes on right now. One is enough: wait for it."""


class Fold:
    """The rows of a partition's accounts, folded from their facts by the core's own `evolve`."""

    def __init__(self, rows: dict[str, Any]) -> None:
        self.rows = rows
        self.changed: set[str] = set()

    def take(self, fact: Published) -> None:
        """Fold one fact; rows that were forgotten by its time are not seen."""
        if fact.type.endswith(_REFUSED):
            return
        core = REDEMPTION.core
        loaded = {}
        for key in core.touched(fact):
            row = self.rows.get(key)
            until = None if row is None else core.forgotten_at(key, row)
            if row is not None and (until is None or until > fact.time):
                loaded[key] = row
        changed = core.evolve(loaded, fact)
        self.rows.update(changed)
        self.changed |= changed.keys()


class Shadow:
    """One plan's shadow."""

    def __init__(
        self,
        log: Log,
        engine: Engine,
        plan: Plan,
        say: Callable[[str], None],
        *,
        records_max: int = READ_MAX,
    ) -> None:
        self._records_max = records_max
        self._reader = log.reader()
        self._policies = Policies(log.reader())
        self._engine = engine
        self._plan = plan
        self._say = say
        self._whole = sum(plan.bounds.values())
        self._done = 0

    def run(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Go on to the end, or until `stop` (then False). Raises RivalShadowError."""
        tables.make_tables(self._engine)
        self._policies.refresh()
        positions = self._positions()
        self._done = sum(positions.values())
        for place, end in sorted(self._plan.bounds.items()):
            position = positions.get(place, 0)
            fold = Fold(self._rows(place[1])) if self._folds(place) else None
            for facts, after in batches(self._reader, place, position, end, self._records_max):
                if stop():
                    return False
                with self._engine.begin() as connection:
                    self._move(connection, place, position, after)
                    self._write(connection, place, facts, fold)
                self._done += after - position
                position = after
                share = 100 * self._done // max(self._whole, 1)
                self._say(f"{share:3d} %  {place[0]}/{place[1]} at {position} of {end}")
        return True

    def _folds(self, place: TopicPartition) -> bool:
        return place[0] == REDEMPTION_EVENTS.name

    def _positions(self) -> dict[TopicPartition, int]:
        table = tables.position
        query = select(table).where(table.c.plan == self._plan.hash)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return {(row.topic, row.partition): row.next_offset for row in rows}

    def _rows(self, number: int) -> dict[str, Any]:
        with self._engine.connect() as connection:
            return account_rows(connection, self._plan.hash, number)

    def _move(self, connection: Connection, place: TopicPartition, before: int, after: int) -> None:
        table = tables.position
        mine = (
            table.c.plan == self._plan.hash,
            table.c.topic == place[0],
            table.c.partition == place[1],
        )
        known = connection.execute(
            select(table.c.next_offset).where(*mine).with_for_update()
        ).scalar()
        if (known or 0) != before:
            raise RivalShadowError(f"{place[0]}/{place[1]} is at {known}, not {before}")
        if known is None:
            row = {"plan": self._plan.hash, "topic": place[0], "partition": place[1]}
            connection.execute(insert(table).values(**row, next_offset=after))
        else:
            connection.execute(update(table).where(*mine).values(next_offset=after))

    def _write(
        self,
        connection: Connection,
        place: TopicPartition,
        facts: Iterable[Published],
        fold: Fold | None,
    ) -> None:
        choice, hashed = self._plan.choice, self._plan.hash
        rows: dict[str, list[dict[str, Any]]] = {"fact": [], "line": [], "item": []}
        for fact in facts:
            if fold is not None and choice.names(fact.subject):
                fold.take(fact)
            if choice.includes(fact) and fact.type != JOURNAL_ADJUSTED:
                rows["fact"].append(_fact_row(hashed, place, fact))
                rows["line"] += _line_rows(hashed, fact, self._policies)
                rows["item"] += self._item_rows(fact)
        for name, found in rows.items():
            insert_rows(connection, tables.METADATA.tables[f"replay.{name}"], found)
        if fold is not None:
            _save(connection, hashed, place[1], fold)

    def _item_rows(self, fact: Published) -> list[dict[str, Any]]:
        if fact.type not in REDEMPTION_TYPES:
            return []

        def policy_of(version: int) -> Any:
            policy = self._policies.of(version)
            if policy is None:
                raise PolicyUnknownError(f"no policy of version {version}")
            return policy

        return [
            _item_row(self._plan.hash, fact, made.body)
            for made in SETTLEMENT.derive(fact, policy_of)
        ]


REDEMPTION_TYPES: Final = frozenset(
    {"hold_captured.v1", "capture_refunded.v1", "cashed_out.v1", "card_returned.v1"}
)


def account_rows(connection: Connection, plan: str, number: int) -> dict[str, Any]:
    """The rows of a partition's accounts as far as the shadow is."""
    table = tables.account_row
    query = select(table.c.key, table.c.row).where(
        table.c.plan == plan, table.c.partition == number
    )
    return {key: CODEC.read(key, bytes(row)) for key, row in connection.execute(query)}


def forget(engine: Engine, plan: str) -> None:
    """Drop a shadow's rows."""
    tables.make_tables(engine)
    with engine.begin() as connection:
        for table in tables.METADATA.tables.values():
            connection.execute(delete(table).where(table.c.plan == plan))


def counted(connection: Connection, plan: str) -> dict[str, int]:
    """How many facts, lines, items and rows of accounts a shadow has."""
    return {
        name.partition(".")[2]: connection.execute(
            select(func.count()).select_from(table).where(table.c.plan == plan)
        ).scalar_one()
        for name, table in tables.METADATA.tables.items()
    }


def _save(connection: Connection, plan: str, number: int, fold: Fold) -> None:
    table = tables.account_row
    keys = sorted(fold.changed)
    connection.execute(
        delete(table).where(
            table.c.plan == plan, table.c.partition == number, table.c.key.in_(keys)
        )
    )
    rows = [
        {"plan": plan, "partition": number, "key": key, "row": CODEC.write(key, fold.rows[key])}
        for key in keys
        if fold.rows[key] is not None
    ]
    if rows:
        connection.execute(insert(table), rows)
    fold.changed.clear()


def _fact_row(plan: str, place: TopicPartition, fact: Published) -> dict[str, Any]:
    return {
        "plan": plan,
        "fact": fact.id,
        "topic": place[0],
        "type": fact.type,
        "subject": fact.subject,
        "dates": fact.dates,
    }


def _line_rows(plan: str, fact: Published, policies: Policies) -> list[dict[str, Any]]:
    return [
        {"plan": plan, "fact": fact.id, "number": number, **leg._asdict(), "minor": minor}
        for number, (leg, minor) in enumerate(wanted(policies, fact).items(), 1)
    ]


def _item_row(plan: str, fact: Published, item: ItemAccrued) -> dict[str, Any]:
    said = asdict(item)
    same = ("item", "account", "source", "base", "funded", "rate_bp", "amount", "kind")
    row = {name: said[name] for name in same}
    return {"plan": plan, "fact": fact.id, "destination": item.to, **row}


def leg_of(row: Any) -> Leg:
    """The leg of a row of `replay.line`."""
    return Leg(*(row[name] for name in Leg._fields))
