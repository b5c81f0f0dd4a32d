"""`scrip settle` and `scrip returns`: runs by one person, approved by another, filed, shown."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select

from schemas.bank_text import NachaError
from schemas.errors import ScripError
from schemas.money import figure
from schemas.terms import Terms
from services.runtime.cli import DONE, NO, Said, require_log
from services.runtime.clocks import SystemClock
from services.runtime.policies import Policies
from services.runtime.settings import Settings
from services.settlement import returns
from services.settlement.delivery.operations import Desk, build_first, pin_filing, transmit
from services.settlement.nacha.file import parse_from_bank
from services.settlement.plans.tables import files_of
from services.settlement.returned.operations import book, sent_entry
from services.settlement.runs import (
    RunOrder,
    RunRefusedError,
    approve,
    calculate,
    dry_run,
    hand_in,
    locked,
    start,
)
from services.settlement.tables import run, run_entry, run_position
from services.settlement.views import list_items, list_return_rates, list_runs
from services.settlement.worker import desk_of


class WhoAreYouError(ScripError):
    """Settlement needs a name for the record: set SCRIP_USER to who you are in the policy."""


@dataclass(frozen=True, slots=True)
class Office:
    """Somebody at work on runs: who, where, and under which terms."""

    who: str
    desk: Desk
    terms: Terms


def office_of(settings: Settings) -> Office:
    """The office of an installation, now. Raises WhoAreYouError, SettingsRefusedError."""
    if not settings.user:
        raise WhoAreYouError("SCRIP_USER is missing: who you are among the policy's people")
    policies = Policies(require_log(settings).reader())
    policies.refresh()
    now = SystemClock().now()
    policy = policies.in_force(now)
    if policy is None:
        raise RunRefusedError("no policy is in force yet: scrip policy apply FILE")
    return Office(settings.user, desk_of(settings), Terms(now, policy))


def start_run(settings: Settings, name: str, dry: bool) -> Said:
    """Claim what is payable, net it, and hand it in for approval."""
    office = office_of(settings)
    desk, terms = office.desk, office.terms
    order = RunOrder(run=name, made_by=office.who, dry=dry)
    if dry:
        with desk.engine.begin() as connection:
            dry_run(connection, desk.vault, order, terms)
        return _status(desk, name)
    with desk.engine.begin() as connection:
        start(connection, order, terms)
    with desk.engine.begin() as connection:
        if locked(connection, name)["state"] in ("open", "calculated"):
            calculate(connection, desk.vault, name, terms)
            hand_in(connection, name)
    return _status(desk, name)


def approve_run(settings: Settings, name: str) -> Said:
    """A second person stands behind the content as it is now."""
    office = office_of(settings)
    with office.desk.engine.begin() as connection:
        content = str(locked(connection, name)["content"])
        approve(connection, name, office.who, content, office.terms)
    return _status(office.desk, name)


def file_run(settings: Settings, name: str) -> Said:
    """Build the approved run's file and have the bank take it."""
    office = office_of(settings)
    desk, terms = office.desk, office.terms
    with desk.engine.begin() as connection:
        if locked(connection, name)["state"] == "approved":
            pin_filing(connection, name, terms)
    with desk.engine.begin() as connection:
        if not build_first(connection, desk.vault, name, terms):
            raise RunRefusedError(f"run {name} is not what was approved any more: approve it again")
        built = bool(files_of(connection, name))
    if built:
        transmit(desk, name, 1, terms)
    return _status(desk, name)


def status(settings: Settings, name: str | None) -> Said:
    """Every run, or one of them; status 1: there is none of that name."""
    return _status(desk_of(settings), name)


def _status(desk: Desk, name: str | None) -> Said:
    with desk.engine.connect() as connection:
        rows = {row.run: row for row in connection.execute(select(run))}
        runs = [found for found in list_runs(connection) if name in (None, found["id"])]
        came_back = list_return_rates(connection, SystemClock().now())
    if name is not None and not runs:
        return Said({"runs": []}, f"there is no run {name}", NO)
    for found in runs:
        row = rows[found["id"]]
        found |= {"made_by": row.made_by, "approved_by": row.approved_by, "content": row.content}
    text = "\n\n".join(_run(found) for found in runs) or "no runs yet"
    warnings = "".join(
        f"\n{rate.state}: {rate.returned} of {rate.sent} debits came back ({rate.kind}), "
        f"{rate.limit_bp // 100}.{rate.limit_bp % 100:02d} % are allowed"
        for rate in came_back
        if rate.state != "fine"
    )
    rates = [asdict(rate) for rate in came_back]
    return Said({"runs": runs, "return_rates": rates}, text + warnings, DONE)


def statement(settings: Settings, name: str, location: str) -> Said:
    """What a run is made of for one location, also where it comes to zero."""
    desk = desk_of(settings)
    with desk.engine.connect() as connection:
        mine = (run_position.c.run == name, run_position.c.location == location)
        of_run = select(run_position, run.c.currency).join(run, run.c.run == run_position.c.run)
        row = connection.execute(of_run.where(*mine)).mappings().first()
        items = [
            item
            for item in list_items(connection)
            if item["run"] == name and location in (item["from"], item["to"])
        ]
    if row is None:
        return Said({"found": False}, f"run {name} has no position of {location}", NO)
    names = ("before", "net", "moved", "carried")
    found = {"run": name, "location": location, **{n: row[n] for n in names}, "items": items}
    said = ", ".join(f"{n} {figure(row[n], row['currency'])}" for n in names)
    lines = [f"run {name}, {location}: {said}", *map(_item, items)]
    return Said(found, "\n".join(lines))


def _item(item: dict[str, Any]) -> str:
    base, amount = (figure(item[name], item["currency"]) for name in ("base", "amount"))
    return (
        f"  {item['from']} → {item['to']}  {item['category']:<12} base {base:>10}"
        f"  at {item['rate_bp']} bp  {amount:>10}  {item['kind']}"
    )


def import_returns(settings: Settings, text: str) -> Said:
    """Book a bank's file of returns; what answers no entry of ours is listed, not booked."""
    try:
        file = parse_from_bank(text)
    except NachaError as error:
        return Said({"readable": False, "cause": str(error)}, f"not a file of returns: {error}", NO)
    office = office_of(settings)
    rows = []
    for returned in returns.read(file):
        with office.desk.engine.begin() as connection:
            answer = _answer(connection, office, returned)
        rows.append({"trace": returned.original_trace, "code": returned.code, "answer": answer})
    lines = [f"{row['trace']} {row['code']}: {row['answer']}" for row in rows]
    booked = all(row["answer"] in ("booked", "repeated") for row in rows)
    return Said({"returns": rows}, "\n".join(lines) or "no returns in it", DONE if booked else NO)


def _answer(connection: Connection, office: Office, returned: returns.Returned) -> str:
    rows = list(_sent(connection, returned.original_trace))
    sent = [sent_entry(connection, office.desk.vault, row) for row in rows]
    found = returns.match(returned, sent)
    if isinstance(found, returns.Mismatch):
        return found.value
    row = rows[sent.index(found)]
    if row["returned_code"] == returned.code:
        return "repeated"
    return book(connection, office.desk.vault, row, returned.code, office.terms)


def _sent(connection: Connection, trace: str) -> Iterator[Any]:
    chosen = select(run_entry).where(run_entry.c.trace == trace)
    yield from connection.execute(chosen).mappings().all()


def _run(found: dict[str, Any]) -> str:
    who = f"made by {found['made_by']}, approved by {found['approved_by'] or 'nobody yet'}"
    lines = [f"run {found['id']}: {found['state']}, {who}"]
    for what, said in (("positions", ""), ("carried", " carried")):
        for place, minor in found[what].items():
            lines.append(f"  {place:<12} {figure(minor, found['currency']):>14}{said}")
    lines += [f"  file {name}" for name in found["files"]]
    for reason, count in found["held_reasons"].items():
        lines.append(f"  held back: {count} ({reason.replace('_', ' ')})")
    return "\n".join(lines)
