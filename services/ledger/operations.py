"""The ledger's operations: closing a period and recognising breakage, each executed once.

An operation is a row; its fact goes to the outbox in the same database transaction, and from there
to Kafka. The same operation again changes nothing; its id with other arguments is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Column, Connection, func, select, update

from schemas.errors import ScripError
from schemas.instants import DAY, local_date
from schemas.ledger import BreakageLine, BreakageRecognized, PeriodClosed
from schemas.policy import Programme
from schemas.terms import Terms
from schemas.topics import LEDGER_OPERATIONS
from services.ledger import tables
from services.ledger.breakage import Method, due, target
from services.ledger.chart import CARDS, CREDITS
from services.ledger.cohorts import Key, Move, cohorts
from services.ledger.kinds import CLOSE_PERIOD, RECOGNIZE_BREAKAGE
from services.runtime.outbox_table import Telling, insert_new, operation, publish

BREAKAGE_RECOGNIZED: Final = "breakage_recognized.v1"
PERIOD_CLOSED: Final = "period_closed.v1"
CLOSED_AHEAD_DAYS_MAX: Final = 366


class OperationRefusedError(ScripError):
    """The business says no: nothing has changed, the message says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants which operation."""

    id: str
    made_by: str
    approved_by: str | None = None


def close_period(
    connection: Connection, order: Order, entity: str, until: str, terms: Terms
) -> None:
    """Close an entity's books up to and including the ISO day `until`.

    What is dated then and comes later posts on the next day. Raises OperationRefusedError.
    """
    if entity not in terms.policy.document.entities:
        raise OperationRefusedError(f"the policy has no entity {entity}")
    _check_day(until, terms)
    arguments = {"entity": entity, "until": until}
    if _begun(connection, order, CLOSE_PERIOD, arguments, terms):
        body = PeriodClosed(operation=order.id, entity=entity, until=until, by=order.made_by)
        _tell(connection, order, PERIOD_CLOSED, body, {entity}, terms)


def _check_day(until: str, terms: Terms) -> None:
    try:
        day = date.fromisoformat(until)
    except ValueError as error:
        raise OperationRefusedError(f"{until} is no day") from error
    today = date.fromisoformat(local_date(terms.now, terms.policy.document.network.timezone))
    last = today + timedelta(days=CLOSED_AHEAD_DAYS_MAX)
    # Nothing opens a period again: a slip of the pen would date all that follows behind it.
    if day > last:
        raise OperationRefusedError(f"{until} is more than a year ahead: up to {last}")


def closed_periods(connection: Connection) -> dict[str, str]:
    """{entity: its books are closed up to and including this ISO day}."""
    chosen = select(operation.c.arguments).where(operation.c.kind == CLOSE_PERIOD)
    closed: dict[str, str] = {}
    for arguments in connection.execute(chosen).scalars():
        entity, until = arguments["entity"], arguments["until"]
        closed[entity] = max(until, closed.get(entity, until))
    return closed


def recognize_breakage(
    connection: Connection, order: Order, name: str, rate_bp: int | None, terms: Terms
) -> None:
    """Post what a programme's cohorts are due; `rate_bp` re-estimates proportional breakage.

    Raises OperationRefusedError for an unknown programme, or one without a method and a rate.
    """
    programme = terms.policy.programme(name)
    if programme is None:
        raise OperationRefusedError(f"the policy has no programme {name}")
    method = _method(programme, rate_bp)
    rate = programme.breakage.rate_bp if rate_bp is None else rate_bp
    if method == "proportional" and rate is None:
        raise OperationRefusedError(f"breakage of {name} is proportional, and has no rate")
    if not _begun(connection, order, RECOGNIZE_BREAKAGE, {"programme": name, "rate": rate}, terms):
        return
    lines = _lines(connection, name, programme, method, rate, terms)
    body = BreakageRecognized(
        operation=order.id,
        programme=name,
        currency=programme.currency,
        method=method,
        rate_bp=rate if method == "proportional" else None,
        by=order.made_by,
        lines=lines,
    )
    _tell(connection, order, BREAKAGE_RECOGNIZED, body, {line.entity for line in lines}, terms)


def _method(programme: Programme, rate_bp: int | None) -> Method:
    return programme.breakage.method if rate_bp is None else "proportional"


def _lines(
    connection: Connection,
    name: str,
    programme: Programme,
    method: Method,
    rate: int | None,
    terms: Terms,
) -> list[BreakageLine]:
    before = _recognized(connection, name, programme.currency)
    since = max(terms.now - (programme.breakage.after_days or 0) * DAY, 0)
    table = tables.account_state
    idle = set(
        connection.execute(select(table.c.account).where(table.c.changed_at <= since)).scalars()
    )

    def jurisdiction(location: str) -> str:
        place = terms.policy.place(location)
        return place.jurisdiction if place is not None else "US"

    found = cohorts(
        _moves(connection, name, programme.currency), jurisdiction, before, idle.__contains__
    )
    lines = []
    for (entity, cohort, where), sums in found.items():
        if recognized := due(sums, method, rate):
            lines.append(
                BreakageLine(
                    entity=entity,
                    programme=name,
                    cohort=cohort,
                    jurisdiction=where,
                    kind=programme.kind,
                    recognized_minor=recognized,
                    total_minor=target(sums, method, rate),
                )
            )
    return lines


def _moves(connection: Connection, name: str, currency: str) -> list[Move]:
    line, journal = tables.journal_line, tables.journal
    columns: list[Column[Any]] = [
        *(journal.c.entity, line.c.cohort, line.c.location),
        *(journal.c.event, line.c.subject, line.c.origin),
    ]
    chosen = (
        select(*columns, func.sum(line.c.credit - line.c.debit).label("minor"))
        .join(journal, journal.c.id == line.c.journal_id)
        .where(
            line.c.programme == name,
            journal.c.currency == currency,
            func.coalesce(line.c.standard, line.c.account).in_((CARDS, CREDITS)),
        )
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        Move(**{**row, "minor": int(row["minor"])}) for row in connection.execute(chosen).mappings()
    ]


def _recognized(connection: Connection, name: str, currency: str) -> Mapping[Key, int]:
    """What earlier runs have recognised in all, by cohort; those read back from the log too."""
    chosen = select(operation.c.told).where(operation.c.kind == RECOGNIZE_BREAKAGE)
    totals: dict[Key, int] = {}
    for body in connection.execute(chosen).scalars():
        if body is not None and (body["programme"], body["currency"]) == (name, currency):
            for line in body["lines"]:
                key = (line["entity"], line["cohort"], line["jurisdiction"])
                totals[key] = totals.get(key, 0) + line["recognized_minor"]
    return totals


def _begun(
    connection: Connection, order: Order, kind: str, arguments: dict[str, Any], terms: Terms
) -> bool:
    """False: this operation was executed before, just so."""
    row = {
        "id": order.id,
        "kind": kind,
        "arguments": arguments,
        "made_by": order.made_by,
        "approved_by": order.approved_by,
        "as_of": _as_of(connection),
        "state": "executed",
        "created_at": terms.now,
        "executed_at": terms.now,
    }
    if insert_new(connection, operation, row):
        return True
    known = select(operation.c.kind, operation.c.arguments).where(operation.c.id == order.id)
    if tuple(connection.execute(known).one()) != (kind, arguments):
        raise OperationRefusedError(f"{order.id} is the id of another operation")
    return False


def _as_of(connection: Connection) -> dict[str, int]:
    """How far the books were when it was executed: {topic/partition: next offset}."""
    table = tables.progress
    chosen = select(table.c.topic, table.c.partition, table.c.next_offset)
    return {f"{row[0]}/{row[1]}": row[2] for row in connection.execute(chosen)}


def _tell(
    connection: Connection, order: Order, type: str, body: Any, entities: set[str], terms: Terms
) -> None:
    telling = Telling(
        topic=LEDGER_OPERATIONS.name,
        subject=order.id,
        type=type,
        number=0,
        causation=order.id,
        body=body,
        dates=terms.dates(entities or {terms.policy.parent}, None, terms.now),
        policy=terms.policy.version,
        time=terms.now,
    )
    publish(connection, telling)
    done = update(operation).where(operation.c.id == order.id)
    connection.execute(done.values(told=orjson.loads(orjson.dumps(body))))
