"""Builds a run's files and has the bank take them, each once.

Theory of operation. The instant a file counts as built is written first, in a transaction of its
own; everything else in the file follows from rows, so a build that was killed makes the same bytes
again. Trace numbers and the day's modifier are allocated in the transaction that keeps the file.
Sending is written down before it begins: who finds a file `transmitting` looks whether the bank has
it, and if that does not settle it, people do; nothing is sent twice by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from schemas.policy import Settlement
from schemas.settlement import FileBuilt, FileTransmitted, RunClosed
from schemas.terms import Terms
from services.runtime.crash import CrashPoints, NoCrash, Point
from services.runtime.outbox_table import insert_new
from services.settlement.bank import Bank, Delivery, Shipment
from services.settlement.calendar import bank_time, effective_entry_date
from services.settlement.directory import Vault
from services.settlement.effects.runs import file_times, set_run
from services.settlement.filing import BuiltFile, Filing, Originator, build
from services.settlement.nacha.file_header import modifier_after
from services.settlement.plans.tables import (
    entry_of,
    files_of,
    items_of,
    obligations_of,
    plan_of,
    planned_file,
    stored_positions,
)
from services.settlement.runs import RunRefusedError, locked, void_approval
from services.settlement.tables import (
    file,
    file_modifier,
    run_entry,
    trace_counter,
)
from services.settlement.telling.operations import Teller, note

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_CRASH = NoCrash()


@dataclass(frozen=True, slots=True)
class Desk:
    """Where runs are worked on: the database, the keys to account numbers, the bank."""

    engine: Engine
    vault: Vault
    bank: Bank
    crash: CrashPoints = _NO_CRASH


def pin_filing(connection: Connection, name: str, terms: Terms) -> None:
    """Write down when the run's next file counts as built, unless that is known and still holds."""
    row = locked(connection, name)
    at = row["filing_at"]
    used = {built["built_at"] for built in files_of(connection, name)}
    if at is None or at in used or _stale(at, terms):
        set_run(connection, name, filing_at=terms.now)


def build_first(connection: Connection, vault: Vault, name: str, terms: Terms) -> bool:
    """Build an approved run's first file, or close the run at once if nothing moves.

    False: what would be filed is not what was approved; the approval is void.
    """
    row = locked(connection, name)
    if row["state"] != "approved":
        return _past_building(row)
    items = items_of(connection, name)
    now = plan_of(connection, vault, terms.policy, name, items)
    if now.content != row["content"]:
        void_approval(connection, name)
        return False
    cleared: dict[str, Any] = {
        "items": [item["item"] for item in items],
        "obligations": obligations_of(items),
        "positions": stored_positions(connection, name),
    }
    entities = {e for o in cleared["obligations"] for e in (o.debtor, o.creditor)}
    teller = Teller(connection, terms, name)
    if not now.files:
        closed = RunClosed(**teller.said(row), moved_nothing=True, **cleared)
        teller.tell("run_closed.v1", 0, closed, entities)
        return True
    held = [obstacle["item"] for obstacle in row["held"]]
    filed = _file(connection, vault, row, 1, terms)
    body = FileBuilt(**teller.said(row), **filed, **cleared, held=held)
    teller.tell("file_built.v1", 1, body, entities)
    return True


def build_next(connection: Connection, vault: Vault, name: str, number: int, terms: Terms) -> None:
    """Build a later file of a run, as it was approved; built already: nothing changes."""
    row = locked(connection, name)
    if len(files_of(connection, name)) >= number:
        return
    teller = Teller(connection, terms, name)
    filed = _file(connection, vault, row, number, terms)
    nothing: dict[str, Any] = {"items": [], "obligations": [], "positions": [], "held": []}
    teller.tell("file_built.v1", number, FileBuilt(**teller.said(row), **filed, **nothing))


def transmit(desk: Desk, name: str, number: int, terms: Terms) -> Delivery:
    """Have the bank take a built file; how that ended is on the file, and told if it is there."""
    with desk.engine.begin() as connection:
        row = _file_row(connection, name, number)
        if row["state"] in ("delivered", "acknowledged"):
            return Delivery.DELIVERED
        if row["state"] not in ("approved", "transmitting"):
            return Delivery.UNKNOWN
        _set_file(connection, name, number, state="transmitting")
        shipment = _shipment(desk.vault, row)
        desk.crash.at(Point.RUN_SENDING_SAID)
    desk.crash.at(Point.RUN_SENDING)
    begun = row["state"] == "transmitting"
    ended = desk.bank.look_for(shipment) if begun else desk.bank.deliver(shipment)
    desk.crash.at(Point.RUN_TAKEN)
    with desk.engine.begin() as connection:
        _note_delivery(connection, name, number, ended, terms)
        desk.crash.at(Point.RUN_DELIVERY_NOTED)
    desk.crash.at(Point.RUN_TRANSMITTED)
    return ended


def content_of(vault: Vault, row: Mapping[Any, Any]) -> bytes | None:
    """The bytes of a file's row; None where it was read back from the log."""
    if row["content"] is None:
        return None
    return vault.open(row["content"], "file", row["run"], str(row["number"]))


def _past_building(row: Mapping[Any, Any]) -> bool:
    if row["state"] in ("filed", "transmitted", "settled", "closed"):
        return True
    raise RunRefusedError(f"run {row['run']} is {row['state']}, not approved")


def _stale(at: int, terms: Terms) -> bool:
    settings, timezone = _circumstances(terms)
    effective = effective_entry_date(_moment(at), settings.cutoff, timezone)
    return effective <= bank_time(_moment(terms.now), timezone).date()


def _circumstances(terms: Terms) -> tuple[Settlement, str]:
    document = terms.policy.document
    return document.settlement, document.network.timezone


def _moment(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at)


def _file(
    connection: Connection, vault: Vault, row: Mapping[Any, Any], number: int, terms: Terms
) -> dict[str, Any]:
    """Build a file and keep it; what its fact says about it."""
    name = row["run"]
    settings, timezone = _circumstances(terms)
    originator = Originator(**settings.originator.model_dump())
    at = row["filing_at"] if row["filing_at"] is not None else terms.now
    planned, numbers = planned_file(connection, vault, name, number)
    counter = _next_sequence(connection, originator.odfi)
    day = bank_time(_moment(at), timezone).date().isoformat()
    modifier = _next_modifier(connection, originator, day)
    filing = Filing(name, _moment(at), timezone, settings.cutoff, modifier, counter)
    built = build(planned, originator, filing)
    following = update(trace_counter).where(trace_counter.c.odfi == originator.odfi)
    connection.execute(following.values(next=built.sequence_next))
    _keep(connection, vault, built, {"run": name, "number": number, "built_at": at}, filing)
    for entry_number, traced in zip(numbers, built.entries, strict=True):
        mine = (run_entry.c.run == name, run_entry.c.number == entry_number)
        connection.execute(update(run_entry).where(*mine).values(trace=traced.trace))
    mine_all = (run_entry.c.run == name, run_entry.c.file_number == number)
    chosen = select(run_entry).where(*mine_all).order_by(run_entry.c.number)
    return {
        "file": built.name,
        "sha256": built.sha256,
        "number": number,
        "effective": built.effective.isoformat(),
        "entries": [entry_of(entry) for entry in connection.execute(chosen).mappings()],
    }


def _keep(
    connection: Connection,
    vault: Vault,
    built: BuiltFile,
    key: Mapping[str, Any],
    filing: Filing,
) -> None:
    content = built.text.encode("ascii")
    row = {
        **key,
        "name": built.name,
        "part": built.part,
        # The run's approval is the file's: the file says what was approved, and nothing else.
        "state": "approved",
        "sha256": built.sha256,
        "content": vault.seal(content, "file", key["run"], str(key["number"])),
        "size": len(content),
        "modifier": filing.modifier,
        "effective": built.effective.isoformat(),
        "settled": False,
        "evidence": None,
    }
    connection.execute(insert(file).values(**row, **file_times(built.effective, filing.timezone)))


def _next_sequence(connection: Connection, odfi: str) -> int:
    insert_new(connection, trace_counter, {"odfi": odfi, "next": 1})
    chosen = select(trace_counter.c.next).where(trace_counter.c.odfi == odfi).with_for_update()
    return int(connection.execute(chosen).scalar_one())


def _next_modifier(connection: Connection, originator: Originator, day: str) -> str:
    key = {"origin": originator.origin, "destination": originator.destination, "day": day}
    insert_new(connection, file_modifier, key | {"used": 0})
    mine = [file_modifier.c[column] == value for column, value in key.items()]
    counted = update(file_modifier).where(*mine).values(used=file_modifier.c.used + 1)
    used = connection.execute(counted.returning(file_modifier.c.used)).scalar_one()
    return modifier_after(int(used) - 1)


def _file_row(connection: Connection, name: str, number: int) -> Mapping[Any, Any]:
    chosen = select(file).where(file.c.run == name, file.c.number == number).with_for_update()
    row = connection.execute(chosen).mappings().first()
    if row is None:
        raise RunRefusedError(f"run {name} has no file {number}")
    return row


def _shipment(vault: Vault, row: Mapping[Any, Any]) -> Shipment:
    content = content_of(vault, row)
    if content is None:
        raise RunRefusedError(f"file {row['name']} was read back from the log, without its bytes")
    return Shipment(row["name"], content, row["sha256"])


def _note_delivery(
    connection: Connection, name: str, number: int, ended: Delivery, terms: Terms
) -> None:
    if ended is Delivery.DELIVERED:
        tell_transmitted(connection, name, number, terms)
        return
    if _file_row(connection, name, number)["state"] != "transmitting":
        return  # another has found out more meanwhile
    if ended is Delivery.NOT_DELIVERED:
        _set_file(connection, name, number, state="approved")
        return
    _set_file(connection, name, number, state="delivery_unknown")
    note(connection, f"delivery_{ended.value}", name, None, terms, f"file {number}")


def tell_transmitted(connection: Connection, name: str, number: int, terms: Terms) -> None:
    """The bank has the file; known already: nothing changes."""
    row = locked(connection, name)
    found = _file_row(connection, name, number)
    if found["state"] in ("delivered", "acknowledged"):
        return
    teller = Teller(connection, terms, name)
    body = FileTransmitted(**teller.said(row), file=found["name"], number=number)
    teller.tell("file_transmitted.v1", number, body)


def _set_file(connection: Connection, name: str, number: int, **values: Any) -> None:
    changed = update(file).where(file.c.run == name, file.c.number == number)
    connection.execute(changed.values(**values))
