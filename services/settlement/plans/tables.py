"""Reads a run's rows into what netting and planning take, and writes the plan back as rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from schemas.settlement import Entry, Obligation, Position
from schemas.terms import Policy
from services.settlement.directory import (
    Vault,
    account_of_reference,
    accounts_of,
    standings_of,
)
from services.settlement.entries import (
    Accounts,
    PlannedEntry,
    PlannedFile,
    Representment,
    content_hash,
    plan,
)
from services.settlement.holding import estranged, payable
from services.settlement.netting import Netting, Payable, Terms, net
from services.settlement.tables import carried, file, item, owed, run_entry, run_position


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do now: its items netted, its files planned, and the hash of all that."""

    payables: tuple[Payable, ...]
    netting: Netting
    files: tuple[PlannedFile, ...]
    again: tuple[Mapping[Any, Any], ...]
    content: str


def plan_of(
    connection: Connection,
    vault: Vault,
    policy: Policy,
    name: str,
    rows: Iterable[Mapping[Any, Any]],
) -> Plan:
    """The plan of a run that has (or would have) claimed these item rows."""
    payables = tuple(payable(row, policy) for row in rows)
    before = carried_now(connection, policy)
    again = _again(connection, name, policy)
    places = {p for row in payables for p in (row.source, row.destination)} | before.keys()
    places |= {policy.parent} | {row["location"] for row in again}
    netting = net(payables, before, terms_of(connection, policy, places))
    accounts = accounts_of(connection, vault, policy, places)
    own = accounts.pop(policy.parent, None)
    able = tuple(row for row in again if row["location"] in accounts)
    settings = policy.document.settlement
    files = plan(
        netting,
        [_representment(row, accounts) for row in able],
        Accounts(accounts, own),
        settings.credit_release,
    )
    hashed = content_hash(name, payables, netting, files)
    return Plan(payables, netting, files, able, hashed)


def terms_of(connection: Connection, policy: Policy, places: Iterable[str]) -> Terms:
    """What netting is done under: who can settle, and the smallest amount worth an entry."""
    return Terms(
        parent=policy.parent,
        standings=standings_of(connection, policy, places),
        minimum_minor=policy.document.settlement.minimum_minor,
    )


def carried_now(connection: Connection, policy: Policy) -> dict[str, int]:
    """What each location has waiting from earlier runs, without zeros, if it is still its own."""
    return {
        row["location"]: row["amount"]
        for row in carried_rows(connection, policy)
        if not estranged(policy, row["location"], row["entity"])
    }


def carried_rows(connection: Connection, policy: Policy) -> Sequence[Mapping[Any, Any]]:
    """What waits from earlier runs in the network's currency, by location and entity."""
    of_currency = carried.c.currency == policy.document.network.currency
    chosen = select(carried).where(of_currency, carried.c.amount != 0)
    ordered = chosen.order_by(carried.c.location, carried.c.entity)
    return connection.execute(ordered).mappings().all()


def items_of(connection: Connection, name: str) -> Sequence[Mapping[Any, Any]]:
    """The items that a run has claimed, in the order of their ids."""
    chosen = select(item).where(item.c.run == name).order_by(item.c.item)
    return connection.execute(chosen).mappings().all()


def write_plan(connection: Connection, policy: Policy, name: str, made: Plan) -> None:
    """The plan's positions and entries become the run's."""
    for table in (run_position, run_entry):
        connection.execute(delete(table).where(table.c.run == name))
    for row in positions_of(policy, made.netting):
        names = ("location", "entity", "before", "net", "moved", "carried")
        values = {column: getattr(row, column) for column in names}
        connection.execute(insert(run_position).values(run=name, **values))
    number = 0
    firsts = {row["first_trace"]: row["first_effective"] for row in made.again}
    for file_number, planned in enumerate(made.files, start=1):
        for batch, entries in (("regular", planned.regular), ("retry", planned.retries)):
            for entry in entries:
                number += 1
                row_of = _entry_row(policy, entry) | {
                    "run": name,
                    "number": number,
                    "file_number": file_number,
                    "part": planned.part,
                    "batch": batch,
                    "first_effective": firsts.get(entry.original_trace),
                }
                connection.execute(insert(run_entry).values(**row_of))


def planned_file(
    connection: Connection, vault: Vault, name: str, number: int
) -> tuple[PlannedFile, list[int]]:
    """One planned file of a run as it was approved, and its entries' numbers in file order."""
    chosen = select(run_entry).where(
        run_entry.c.run == name,
        run_entry.c.file_number == number,
        run_entry.c.state == "planned",
    )
    rows = connection.execute(chosen.order_by(run_entry.c.number)).mappings().all()
    batches: dict[str, list[PlannedEntry]] = {"regular": [], "retry": []}
    for row in rows:
        batches[row["batch"]].append(
            PlannedEntry(
                location=row["location"],
                direction=row["direction"],
                amount_minor=row["amount"],
                code=row["code"],
                attempt=row["attempt"],
                account=account_of_reference(connection, vault, row["account_ref"]),
                original_trace=row["first_trace"] or "",
            )
        )
    part = rows[0]["part"]
    made = PlannedFile(part, tuple(batches["regular"]), tuple(batches["retry"]))
    return made, [row["number"] for row in rows]


def positions_of(policy: Policy, netting: Netting) -> list[Position]:
    """A row for each location in a run."""
    return [
        Position(
            location=location,
            entity=entity_of(policy, location),
            before=netting.carried_before.get(location, 0),
            net=netting.nets.get(location, 0),
            moved=moved,
            carried=netting.carried.get(location, 0),
        )
        for location, moved in netting.positions.items()
    ]


def obligations_of(rows: Iterable[Mapping[Any, Any]]) -> list[Obligation]:
    """What entity owes which by these items, of either sign; none within one entity."""
    owing: dict[tuple[str, str], int] = {}
    for row in rows:
        pair = (row["source_entity"], row["destination_entity"])
        if pair[0] != pair[1] and row["kind"] != "unreconciled":
            owing[pair] = owing.get(pair, 0) + row["amount"]
    return [
        Obligation(debtor=debtor, creditor=creditor, minor=minor)
        for (debtor, creditor), minor in sorted(owing.items())
        if minor
    ]


def stored_positions(connection: Connection, name: str) -> list[Position]:
    """The positions of a run as they were planned."""
    chosen = select(run_position).where(run_position.c.run == name)
    names = ("location", "entity", "before", "net", "moved", "carried")
    found = connection.execute(chosen.order_by(run_position.c.location)).mappings()
    return [Position(**{column: row[column] for column in names}) for row in found]


def entry_of(row: Mapping[Any, Any]) -> Entry:
    """The wire's entry of a row; it has its trace number by now."""
    return Entry(
        location=row["location"],
        entity=row["entity"],
        direction=row["direction"],
        amount=row["amount"],
        code=str(row["code"]),
        trace=row["trace"],
        attempt=row["attempt"],
        of=row["first_trace"],
        account_ref=row["account_ref"],
        last4=row["last4"],
    )


def files_of(connection: Connection, name: str) -> Sequence[Mapping[Any, Any]]:
    """The files of a run that are built, in order."""
    chosen = select(file).where(file.c.run == name).order_by(file.c.number)
    return connection.execute(chosen).mappings().all()


def entity_of(policy: Policy, location: str) -> str:
    """The legal entity of a location; one no longer known is the parent's."""
    place = policy.place(location)
    return place.entity if place is not None else policy.parent


def _again(connection: Connection, name: str, policy: Policy) -> tuple[Mapping[Any, Any], ...]:
    mine = (owed.c.state == "claimed") & (owed.c.run == name)
    of_currency = owed.c.currency == policy.document.network.currency
    chosen = select(owed).where(of_currency, mine).order_by(owed.c.owed)
    rows = connection.execute(chosen).mappings().all()
    return tuple(row for row in rows if not estranged(policy, row["location"], row["entity"]))


def _representment(row: Mapping[Any, Any], accounts: Mapping[str, Any]) -> Representment:
    return Representment(
        location=row["location"],
        amount_minor=row["amount"],
        attempt=row["attempt"],
        original_trace=row["first_trace"],
        account=accounts[row["location"]],
        direction=row["direction"],
    )


def _entry_row(policy: Policy, entry: PlannedEntry) -> dict[str, Any]:
    return {
        "location": entry.location,
        "entity": entity_of(policy, entry.location),
        "direction": entry.direction,
        "amount": entry.amount_minor,
        "code": entry.code,
        "attempt": entry.attempt,
        "first_trace": entry.original_trace or None,
        "account_ref": entry.account.reference,
        "last4": entry.account.number[-4:],
        "trace": None,
        "state": "planned",
        "returned_code": None,
    }
