"""Where PostgreSQL differs from a plan's shadow: accounts, journals, items."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from schemas.identifiers import derived
from schemas.topics import REDEMPTION_EVENTS, SETTLEMENT_ITEMS
from services.ledger import tables as ledger
from services.ledger.adjusting import Legs
from services.redemption.worker import SPEC as REDEMPTION
from services.replay import tables
from services.replay.books import Comparison, posted
from services.replay.plans import Plan
from services.replay.reading import batches
from services.replay.shadows import REDEMPTION_TYPES, Fold, account_rows, leg_of
from services.runtime.murmur2 import partition_of
from services.runtime.ports import Log
from services.runtime.tables import is_postgres
from services.settlement import tables as settlement

CHUNK: Final = 500
LINES_MAX: Final = 64  # items of one fact that are looked for beyond those that follow from it
KEPT_MAX: Final = 1_000
_STATED: Final = ("kind", "programme", "currency", "life", "state", "frozen")
_ITEM: Final = ("source", "destination", "base", "funded", "rate_bp", "amount", "kind")


@dataclass(slots=True)
class Differences:
    """What differs; of accounts and items the first are kept, all are counted."""

    comparison: Comparison = field(default_factory=Comparison)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    accounts_checked: int = 0
    accounts_different: int = 0
    items_checked: int = 0
    items_different: int = 0

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        missing = self.comparison.missing
        return {
            "accounts": {
                "checked": self.accounts_checked,
                "different": self.accounts_different,
                "first": self.accounts,
            },
            "gl": self.comparison.gl_differences(),
            "journals": {
                "facts_different": len(missing),
                "first": sorted(missing)[:KEPT_MAX],
                "sha256": self.comparison.digest(),
            },
            "items": {
                "checked": self.items_checked,
                "different": self.items_different,
                "first": self.items,
            },
        }


def differences(log: Log, engine: Engine, plan: Plan, adjusted: Mapping[str, str]) -> Differences:
    """Compare a finished shadow with one snapshot of PostgreSQL.

    Accounts are folded on to where the sink was in that snapshot, so that a live system agrees.
    """
    found = Differences()
    with engine.connect() as connection:
        if is_postgres(engine):
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            for chunk in _facts(connection, plan.hash):
                _books(connection, plan.hash, chunk, adjusted, found.comparison)
                _items(connection, plan.hash, chunk, found)
            _accounts(connection, log, plan, found)
    return found


def books_only(connection: Connection, plan: Plan, adjusted: Mapping[str, str]) -> Comparison:
    """The journals alone: what an application of the plan would post."""
    found = Comparison()
    for chunk in _facts(connection, plan.hash):
        _books(connection, plan.hash, chunk, adjusted, found)
    return found


def _facts(connection: Connection, plan: str) -> Iterator[Sequence[Mapping[Any, Any]]]:
    table = tables.fact
    after = ""
    while True:
        query = select(table).where(table.c.plan == plan, table.c.fact > after)
        rows = list(connection.execute(query.order_by(table.c.fact).limit(CHUNK)).mappings())
        if not rows:
            return
        yield rows
        after = rows[-1]["fact"]


def _books(
    connection: Connection,
    plan: str,
    facts: Sequence[Mapping[Any, Any]],
    adjusted: Mapping[str, str],
    found: Comparison,
) -> None:
    ids = [row["fact"] for row in facts]
    table = tables.line
    mine: dict[str, Legs] = {}
    query = select(table).where(table.c.plan == plan, table.c.fact.in_(ids))
    for row in connection.execute(query).mappings():
        mine.setdefault(row["fact"], {})[leg_of(row)] = row["minor"]
    theirs = posted(connection, ids, adjusted)
    for id in ids:
        found.add(id, mine.get(id, {}), theirs.get(id, {}))


def _items(
    connection: Connection, plan: str, facts: Sequence[Mapping[Any, Any]], found: Differences
) -> None:
    using = {row["fact"]: row["subject"] for row in facts if row["type"] in REDEMPTION_TYPES}
    if not using:
        return
    table, live = tables.item, settlement.item
    query = select(table).where(table.c.plan == plan, table.c.fact.in_(list(using)))
    mine = {row["item"]: row for row in connection.execute(query).mappings()}
    made_of = {
        derived(SETTLEMENT_ITEMS.name, subject, fact, str(number)): fact
        for fact, subject in using.items()
        for number in range(LINES_MAX)
    }
    theirs: dict[str, Mapping[Any, Any]] = {}
    facts_of_items = sorted(made_of)
    for start in range(0, len(facts_of_items), CHUNK * 10):
        some = facts_of_items[start : start + CHUNK * 10]
        rows = connection.execute(select(live).where(live.c.fact.in_(some))).mappings()
        theirs |= {row["item"]: row for row in rows}
    for name in sorted({*mine, *theirs}):
        found.items_checked += 1
        shadow, there = mine.get(name), theirs.get(name)
        if shadow is None or there is None or any(shadow[n] != there[n] for n in _ITEM):
            found.items_different += 1
            if len(found.items) < KEPT_MAX:
                found.items.append({"item": name, "should": _said(shadow), "is": _said(there)})


def _said(row: Mapping[Any, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: row[name] for name in ("account", *_ITEM)}


def _accounts(connection: Connection, log: Log, plan: Plan, found: Differences) -> None:
    count = log.partitions(REDEMPTION_EVENTS.name)
    live: dict[int, dict[str, Mapping[Any, Any]]] = {}
    table = ledger.account_state
    for row in connection.execute(select(table)).mappings():
        if plan.choice.names(row["account"]):
            number = partition_of(row["account"].encode(), count)
            live.setdefault(number, {})[row["account"]] = row
    for number in filter(plan.choice.reads, range(count)):
        rows = _folded_on(connection, log, plan, number)
        kind = REDEMPTION.core.ROWS[""]
        mine = {key: row for key, row in rows.items() if isinstance(row, kind)}
        theirs = live.get(number, {})
        for name in sorted({*mine, *theirs}):
            found.accounts_checked += 1
            fields = _account(mine.get(name), theirs.get(name))
            if fields:
                found.accounts_different += 1
                if len(found.accounts) < KEPT_MAX:
                    found.accounts.append({"account": name, "fields": fields})


def _folded_on(connection: Connection, log: Log, plan: Plan, number: int) -> dict[str, Any]:
    """The shadow's rows, and what the sink has seen since."""
    place = (REDEMPTION_EVENTS.name, number)
    fold = Fold(account_rows(connection, plan.hash, number))
    table = ledger.progress
    query = select(table.c.next_offset).where(
        table.c.sink == "ledger", table.c.topic == place[0], table.c.partition == number
    )
    sunk = connection.execute(query).scalar() or 0
    start = plan.bounds.get(place, 0)
    for facts, _ in batches(log.reader(), place, start, sunk):
        for fact in facts:
            if plan.choice.names(fact.subject):
                fold.take(fact)
    return fold.rows


def _account(row: Any, there: Mapping[Any, Any] | None) -> dict[str, dict[str, Any]]:
    """{field: {should, is}} of what differs; an account that is on one side only differs whole."""
    mine: dict[str, Any] = {}
    if row is not None:
        mine = {name: getattr(row, name) for name in _STATED}
        mine |= {"ledger_minor": row.ledger, "held_minor": row.held}
    names = (*_STATED, "ledger_minor", "held_minor")
    theirs = {} if there is None else {name: there[name] for name in names}
    return {
        name: {"should": mine.get(name), "is": theirs.get(name)}
        for name in names
        if mine.get(name) != theirs.get(name)
    }
