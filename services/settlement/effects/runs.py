"""What each fact of a run does to the rows, whether it was just decided or is read back.

An operation decides, applies its fact here and tells it, in one transaction; a rebuild of the
database applies the same facts from the log. Runs may be read back in any order among themselves,
so what they share is changed by differences and by keys that both sides know.
"""

from datetime import UTC, date, datetime
from typing import Any, TypeAlias, assert_never

from sqlalchemy import Connection, delete, select, update

from schemas.settlement import (
    EntryCorrected,
    EntryReturned,
    FileBuilt,
    FileTransmitted,
    Position,
    RunApproved,
    RunCancelled,
    RunClosed,
    RunFact,
    RunSettled,
)
from services.runtime.outbox_table import insert_new, operation
from services.settlement.calendar import return_window_end, settlement_instant
from services.settlement.effects.bank import entry_returned, file_entry, move_entries
from services.settlement.effects.tables import claim_items, release_items
from services.settlement.tables import carried, file, item, owed, run, run_entry, run_position

BatchFact: TypeAlias = (
    RunApproved
    | RunCancelled
    | FileBuilt
    | FileTransmitted
    | RunSettled
    | RunClosed
    | EntryReturned
    | EntryCorrected
)
KIND = "settlement_run"
ON_ITS_WAY = ("filed", "transmitted", "pending")


def take_effect(connection: Connection, body: BatchFact, at: int, timezone: str) -> None:
    """Change the rows as the fact says; `at` (ms UTC) is its time, `timezone` the bank's."""
    match body:
        case RunApproved():
            _approved(connection, body, at)
        case RunCancelled():
            _cancelled(connection, body, at)
        case FileBuilt():
            _built(connection, body, at, timezone)
        case FileTransmitted():
            _transmitted(connection, body)
        case RunSettled():
            _settled(connection, body)
        case RunClosed():
            _closed(connection, body, at)
        case EntryReturned():
            entry_returned(connection, body)
        case EntryCorrected():
            pass  # the corrected details never travel; they are staged where the notice arrives
        case _:
            assert_never(body)


def instant(moment: datetime) -> int:
    """A moment with a zone in ms UTC."""
    return int(moment.astimezone(UTC).timestamp()) * 1000


def file_times(effective: date, timezone: str) -> dict[str, int]:
    """When entries of that effective date settle, and when their return window has ended."""
    return {
        "settles_at": instant(settlement_instant(effective, timezone)),
        "window_ends_at": instant(return_window_end(effective, timezone)),
    }


def set_run(connection: Connection, name: str, **values: Any) -> None:
    """Change a run's row."""
    connection.execute(update(run).where(run.c.run == name).values(**values))


def _approved(connection: Connection, body: RunApproved, at: int) -> None:
    row = _operation_row(body, at) | {"made_by": body.made_by, "approved_by": body.approved_by}
    if not insert_new(connection, operation, row):
        changed = update(operation).where(operation.c.id == body.run)
        connection.execute(changed.values(approved_by=body.approved_by, state="approved"))
    set_run(
        connection,
        body.run,
        state="approved",
        content=body.content,
        approved_by=body.approved_by,
    )


def _cancelled(connection: Connection, body: RunCancelled, at: int) -> None:
    _ensure_run(connection, body, at, "cancelled")
    set_run(connection, body.run, state="cancelled", reason=body.reason)
    _executed(connection, body.run, at)
    release_items(connection, body.run)
    freed = update(owed).where(owed.c.run == body.run, owed.c.state == "claimed")
    connection.execute(freed.values(state="waiting", run=None))
    for table in (run_position, run_entry):
        connection.execute(delete(table).where(table.c.run == body.run))


def _built(connection: Connection, body: FileBuilt, at: int, timezone: str) -> None:
    _ensure_run(connection, body, at, "filed", held=body.held)
    if body.number == 1:
        claim_items(connection, body.items, body.run, "in_file")
        _take_positions(connection, body, body.positions)
        set_run(connection, body.run, state="filed")
        _executed(connection, body.run, at)
    effective = date.fromisoformat(body.effective)
    row = {
        "run": body.run,
        "number": body.number,
        "name": body.file,
        "part": "all",
        "state": "delivery_unknown",
        "sha256": body.sha256,
        "content": None,
        "size": 0,
        "modifier": None,
        "effective": body.effective,
        "built_at": at,
        "settled": False,
        "evidence": None,
    }
    insert_new(connection, file, row | file_times(effective, timezone))
    for entry in body.entries:
        file_entry(connection, body, entry)


def _transmitted(connection: Connection, body: FileTransmitted) -> None:
    chosen = (file.c.run == body.run, file.c.number == body.number)
    waiting = file.c.state.in_(("approved", "transmitting", "delivery_unknown"))
    connection.execute(update(file).where(*chosen, waiting).values(state="delivered"))
    move_entries(connection, body.run, body.number, ("filed",), "transmitted")
    if body.number == 1:
        set_run(connection, body.run, state="transmitted")


def _settled(connection: Connection, body: RunSettled) -> None:
    chosen = (file.c.run == body.run, file.c.number == body.number)
    connection.execute(update(file).where(*chosen).values(settled=True))
    move_entries(connection, body.run, body.number, ON_ITS_WAY, "settled")
    if body.final:
        set_run(connection, body.run, state="settled")
        mine = update(item).where(item.c.run == body.run, item.c.state == "in_file")
        connection.execute(mine.values(state="settled"))


def _closed(connection: Connection, body: RunClosed, at: int) -> None:
    _ensure_run(connection, body, at, "closed")
    set_run(connection, body.run, state="closed")
    _executed(connection, body.run, at)
    if body.moved_nothing:
        claim_items(connection, body.items, body.run, "settled")
        _take_positions(connection, body, body.positions)
    final = update(run_entry).where(run_entry.c.run == body.run, run_entry.c.state == "settled")
    connection.execute(final.values(state="final"))


def _take_positions(connection: Connection, body: RunFact, positions: list[Position]) -> None:
    for row in positions:
        values = {name: getattr(row, name) for name in ("before", "net", "moved", "carried")}
        key = {"run": body.run, "location": row.location}
        insert_new(connection, run_position, key | {"entity": row.entity} | values)
        _carry(connection, row, body.currency)


def _carry(connection: Connection, row: Position, currency: str) -> None:
    key = {"location": row.location, "entity": row.entity, "currency": currency}
    insert_new(connection, carried, key | {"amount": 0})
    changed = update(carried).where(*(carried.c[name] == value for name, value in key.items()))
    amount = carried.c.amount + row.carried - row.before
    connection.execute(changed.values(amount=amount))


def _executed(connection: Connection, name: str, at: int) -> None:
    waiting = (operation.c.id == name, operation.c.executed_at.is_(None))
    connection.execute(update(operation).where(*waiting).values(state="executed", executed_at=at))


def _ensure_run(
    connection: Connection, body: RunFact, at: int, state: str, held: list[str] | None = None
) -> None:
    insert_new(connection, operation, _operation_row(body, at))
    made = select(operation.c.made_by, operation.c.approved_by).where(operation.c.id == body.run)
    who = connection.execute(made).one()
    row = {
        "run": body.run,
        "currency": body.currency,
        "parent": body.parent,
        "state": state,
        "content": None,
        "made_by": who.made_by,
        "approved_by": who.approved_by,
        "held": [{"item": name} for name in held or ()],
        "release": "with_debits",
        "filing_at": at,
        "started_at": at,
        "reason": None,
    }
    insert_new(connection, run, row)


def _operation_row(body: RunFact, at: int) -> dict[str, Any]:
    return {
        "id": body.run,
        "kind": KIND,
        "arguments": {"currency": body.currency, "dry": False},
        "made_by": "service/settlement",
        "approved_by": None,
        "as_of": {},
        "state": "executed",
        "created_at": at,
        "executed_at": at,
    }
