"""What becomes of a run's entries: filed, on their way, settled, returned, and owed again."""

from typing import Any

from sqlalchemy import Connection, func, select, update

from schemas.settlement import Entry, EntryReturned, FileBuilt, RunFact
from services.runtime.outbox_table import insert_new
from services.settlement.directory import block
from services.settlement.tables import file, owed, run_entry


def file_entry(connection: Connection, body: FileBuilt, entry: Entry) -> None:
    """The entry is in a file; if it was owed from before, it is presented with this run."""
    mine = (run_entry.c.run == body.run, run_entry.c.trace == entry.trace)
    filed = connection.execute(update(run_entry).where(*mine).values(state="filed"))
    if not filed.rowcount:
        highest = select(func.max(run_entry.c.number)).where(run_entry.c.run == body.run)
        number = connection.execute(highest).scalar()
        row = {
            "run": body.run,
            "number": 1 if number is None else number + 1,
            "file_number": body.number,
            "part": "all",
            "batch": "retry" if entry.attempt and entry.direction == "debit" else "regular",
            "location": entry.location,
            "entity": entry.entity,
            "direction": entry.direction,
            "amount": entry.amount,
            "code": int(entry.code),
            "attempt": entry.attempt,
            "first_trace": entry.of,
            "account_ref": entry.account_ref,
            "last4": entry.last4,
            "trace": entry.trace,
            "state": "filed",
        }
        connection.execute(run_entry.insert().values(**row))
    if entry.attempt:
        _presented(connection, body, entry)


def entry_returned(connection: Connection, body: EntryReturned) -> None:
    """The entry came back: its money is owed again, and its account may be blocked."""
    entry = body.entry
    mine = (run_entry.c.run == body.run, run_entry.c.trace == entry.trace)
    changed = update(run_entry).where(*mine).values(state="returned", returned_code=body.code)
    connection.execute(changed)
    if body.blocks:
        block(connection, entry.account_ref, revoke=body.revokes)
    key = f"{entry.of or entry.trace}/{entry.attempt + 1}"
    again = body.represent or entry.direction == "credit"
    row = _owed_row(body, entry, key, entry.attempt + 1) | {
        "first_effective": _first_effective(connection, body),
        "state": "waiting" if again else "person",
        "code": body.code,
        "run": None,
    }
    if not insert_new(connection, owed, row):
        known = {name: row[name] for name in ("first_effective", "code")}
        connection.execute(update(owed).where(owed.c.owed == key).values(**known))


def _presented(connection: Connection, body: FileBuilt, entry: Entry) -> None:
    key = f"{entry.of}/{entry.attempt}"
    row = _owed_row(body, entry, key, entry.attempt) | {
        "first_effective": body.effective,
        "state": "presented",
        "code": "",
    }
    if not insert_new(connection, owed, row):
        changed = update(owed).where(owed.c.owed == key)
        connection.execute(changed.values(state="presented", run=body.run))


def _owed_row(body: RunFact, entry: Entry, key: str, attempt: int) -> dict[str, Any]:
    return {
        "owed": key,
        "currency": body.currency,
        "location": entry.location,
        "entity": entry.entity,
        "direction": entry.direction,
        "amount": entry.amount,
        "attempt": attempt,
        "first_trace": entry.of or entry.trace,
        "run": body.run,
    }


def first_effective_of(connection: Connection, first_trace: str | None, attempt: int) -> str | None:
    """The ISO day the first presentation settled on, for a later attempt; None for the first."""
    if not attempt:
        return None
    key = select(owed.c.first_effective).where(owed.c.owed == f"{first_trace}/{attempt}")
    return connection.execute(key).scalar_one_or_none()


def _first_effective(connection: Connection, body: EntryReturned) -> str:
    entry = body.entry
    known = first_effective_of(connection, entry.of, entry.attempt)
    if known is not None:
        return known
    number = select(run_entry.c.file_number).where(
        run_entry.c.run == body.run, run_entry.c.trace == entry.trace
    )
    chosen = select(file.c.effective).where(
        file.c.run == body.run, file.c.number == number.scalar_subquery()
    )
    return str(connection.execute(chosen).scalar_one())


def move_entries(
    connection: Connection, name: str, number: int, states: tuple[str, ...], to: str
) -> None:
    """Entries of a file that are in one of these states go on to another."""
    mine = (run_entry.c.run == name, run_entry.c.file_number == number)
    changed = update(run_entry).where(*mine, run_entry.c.state.in_(states)).values(state=to)
    connection.execute(changed)
