"""What falls due for runs by the clock: to send, to settle, a second file, to close.

Entries settle at 00:00 bank time of their effective date, if the bank has the file. A run closes
when the return window of its last file has ended. Whoever drives the clock, a story or the worker's
loop, asks `dues` and lets time pass with `advance`; being late changes when a thing is recorded,
never what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select

from schemas.bank_text import NachaError
from schemas.instants import MINUTE
from schemas.settlement import Moved, RunClosed, RunSettled
from schemas.terms import Terms
from services.runtime.crash import Point
from services.settlement.bank import Delivery
from services.settlement.delivery.operations import Desk, build_next, pin_filing, transmit
from services.settlement.outcome.retries import Retries
from services.settlement.plans.tables import files_of
from services.settlement.runs import RunRefusedError, locked
from services.settlement.tables import run, run_entry
from services.settlement.telling.operations import Teller, note

AT_THE_BANK = ("delivered", "acknowledged")
SENDING_MAX = 10 * MINUTE
DUES_MAX = 10_000


@dataclass(frozen=True, slots=True, order=True)
class RunDue:
    """At `at` (ms UTC) this is due for file `number` of a run."""

    at: int
    run: str
    number: int
    what: Literal["transmit", "settle", "second_file", "close"]


def dues(connection: Connection, until: int) -> list[RunDue]:
    """What is due up to an instant (included), in order of due."""
    under_way = ("filed", "transmitted", "settled")
    found = connection.execute(select(run.c.run).where(run.c.state.in_(under_way))).scalars()
    every = [due for name in sorted(found) for due in _dues_of(connection, name)]
    return sorted(due for due in every if due.at <= until)


def next_due(connection: Connection, after: int) -> int | None:
    """The next instant (ms UTC) behind `after` at which something is due; None: nothing is."""
    return next((due.at for due in dues(connection, 2**62) if due.at > after), None)


def advance(desk: Desk, terms: Terms, retries: Retries[RunDue] | None = None) -> list[RunDue]:
    """Do what is due by now, each in its own transaction; what was tried.

    What does not go through now stays due: it is tried once a call, and with `retries` only when
    they say so.
    """
    waiting: Retries[RunDue] = Retries() if retries is None else retries
    tried: list[RunDue] = []
    while len(tried) < DUES_MAX:
        with desk.engine.begin() as connection:
            every = dues(connection, terms.now)
        waiting.only(every)
        pending = [due for due in every if due not in tried and waiting.may(due, terms.now)]
        if not pending:
            break
        if _went(desk, pending[0], terms):
            waiting.done(pending[0])
        else:
            waiting.failed(pending[0], terms.now)
        tried.append(pending[0])
    return tried


def settle(connection: Connection, name: str, number: int, terms: Terms) -> None:
    """A file's entries have settled, but for those returned before; settled already: no change."""
    row = locked(connection, name)
    files = {found["number"]: found for found in files_of(connection, name)}
    if files[number]["settled"]:
        return
    others = [found["settled"] for n, found in files.items() if n != number]
    final = all(others) and len(files) == _files_planned(connection, name)
    teller = Teller(connection, terms, name, claimed=files[number]["settles_at"])
    body = RunSettled(
        **teller.said(row),
        number=number,
        effective=files[number]["effective"],
        moved=_moved(connection, row, number),
        final=final,
    )
    teller.tell("run_settled.v1", number, body)


def close(connection: Connection, name: str, terms: Terms) -> None:
    """The last return window has ended; closed already: no change."""
    row = locked(connection, name)
    if row["state"] != "settled":
        return
    ended = max(found["window_ends_at"] for found in files_of(connection, name))
    teller = Teller(connection, terms, name, claimed=ended)
    teller.tell("run_closed.v1", 0, RunClosed(**teller.said(row), moved_nothing=False))


def _went(desk: Desk, due: RunDue, terms: Terms) -> bool:
    """Did it go through? One run that is stuck stops no other; a person finds it on the list."""
    try:
        desk.crash.at(Point.RUN_DUE)
        went = _do(desk, due, terms)
        desk.crash.at(Point.RUN_ADVANCED)
    except (NachaError, RunRefusedError) as obstacle:
        with desk.engine.begin() as connection:
            note(connection, "run_stuck", due.run, None, terms, str(obstacle))
        return False
    return went


def _do(desk: Desk, due: RunDue, terms: Terms) -> bool:
    """Do it; False: the bank does not take the file now."""
    ended = Delivery.DELIVERED
    match due.what:
        case "transmit":
            ended = transmit(desk, due.run, due.number, terms)
        case "settle":
            with desk.engine.begin() as connection:
                settle(connection, due.run, due.number, terms)
                desk.crash.at(Point.RUN_SETTLED)
        case "second_file":
            with desk.engine.begin() as connection:
                pin_filing(connection, due.run, terms)
            with desk.engine.begin() as connection:
                build_next(connection, desk.vault, due.run, due.number, terms)
            ended = transmit(desk, due.run, due.number, terms)
        case "close":
            with desk.engine.begin() as connection:
                close(connection, due.run, terms)
                desk.crash.at(Point.RUN_CLOSED)
    return ended is not Delivery.NOT_DELIVERED


def _dues_of(connection: Connection, name: str) -> list[RunDue]:
    files = files_of(connection, name)
    found: list[RunDue] = []
    for row in files:
        if row["state"] == "approved":
            found.append(RunDue(row["built_at"], name, row["number"], "transmit"))
        elif row["state"] == "transmitting":
            found.append(RunDue(row["built_at"] + SENDING_MAX, name, row["number"], "transmit"))
        elif row["state"] in AT_THE_BANK and not row["settled"]:
            found.append(RunDue(row["settles_at"], name, row["number"], "settle"))
    if not files or not all(row["settled"] for row in files):
        return found
    ended = max(row["window_ends_at"] for row in files)
    more = _files_planned(connection, name) > len(files)
    what: Literal["second_file", "close"] = "second_file" if more else "close"
    found.append(RunDue(ended, name, len(files) + more, what))
    return found


def _files_planned(connection: Connection, name: str) -> int:
    chosen = select(run_entry.c.file_number).where(run_entry.c.run == name).distinct()
    return len(connection.execute(chosen).all())


def _moved(connection: Connection, row: Mapping[Any, Any], number: int) -> list[Moved]:
    """Cash by location, and the parent's, which balances what was not returned before."""
    mine = (run_entry.c.run == row["run"], run_entry.c.file_number == number)
    entries = connection.execute(
        select(run_entry).where(*mine, run_entry.c.location != row["parent"])
    ).mappings()
    moved: dict[tuple[str, str], int] = {}
    parent = 0
    for entry in entries:
        signed = entry["amount"] if entry["direction"] == "credit" else -entry["amount"]
        if entry["state"] != "returned":
            parent -= signed
            key = (entry["entity"], entry["location"])
            moved[key] = moved.get(key, 0) + signed
    moved[row["parent"], row["parent"]] = parent
    return [
        Moved(entity=entity, location=location, minor=minor)
        for (entity, location), minor in sorted(moved.items())
        if minor
    ]
