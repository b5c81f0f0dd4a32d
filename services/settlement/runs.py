"""A run until its file is built: started, calculated, handed in, approved, or cancelled.

A run is an operation: one row, executed once. It claims items and what is owed from before, and
what it claims is its own until it is cancelled. Every function works in the caller's transaction,
can be called again at any point, and then changes nothing or goes on from where it stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select, update

from schemas.errors import ScripError
from schemas.identifiers import same_person
from schemas.instants import local_date
from schemas.settlement import RunApproved, RunCancelled
from schemas.terms import Policy, Terms
from schemas.topics import SETTLEMENT_ITEMS
from services.runtime.outbox_table import insert_new, operation
from services.settlement.directory import Vault, standings_of
from services.settlement.effects.runs import KIND, set_run
from services.settlement.effects.tables import release_items, set_state
from services.settlement.entries import ATTEMPTS_MAX
from services.settlement.filing import run_name_wrong
from services.settlement.holding import (
    Complaint,
    estranged,
    of_carried,
    of_items,
    of_owed,
    payable,
)
from services.settlement.netting import Netting, Standing, net
from services.settlement.plans.tables import (
    Plan,
    carried_now,
    carried_rows,
    items_of,
    plan_of,
    positions_of,
    terms_of,
    write_plan,
)
from services.settlement.returns import RETRY_DAYS_MAX
from services.settlement.tables import item, owed, progress, run, run_position
from services.settlement.telling.operations import Teller, note

CANCELLABLE = ("open", "calculated", "pending_approval")
SERVICE = "service/"


class RunRefusedError(ScripError):
    """The business says no, the message says why; nothing has changed."""


@dataclass(frozen=True, slots=True)
class RunOrder:
    """Who wants which run; a dry one claims nothing."""

    run: str
    made_by: str
    dry: bool = False


def start(connection: Connection, order: RunOrder, terms: Terms) -> None:
    """Open the run and claim what is payable. Of two at once one wins, the other is refused.

    Started before with the same order: nothing changes. Raises RunRefusedError.
    """
    _require_right(terms.policy, order.made_by, "settle")
    if not _open(connection, order, terms):
        return
    rows = _accrued(connection)
    payables = [payable(row, terms.policy) for row in rows]
    places = {p for row in payables for p in (row.source, row.destination)}
    under = terms_of(connection, terms.policy, places | {terms.policy.parent})
    netting = net(payables, carried_now(connection, terms.policy), under)
    set_state(connection, netting.claimed, "assigned", order.run)
    set_run(connection, order.run, held=_held(netting))
    _claim_owed(connection, order.run, terms)
    _complain(connection, order.run, of_items(rows, netting.held, terms.policy), terms)
    for waiting in carried_rows(connection, terms.policy):
        if estranged(terms.policy, waiting["location"], waiting["entity"]):
            _complain(connection, order.run, [of_carried(waiting, terms.policy)], terms)


def calculate(connection: Connection, vault: Vault, name: str, terms: Terms) -> Plan:
    """Net what the run has claimed and plan its entries; what cannot settle any more is let go.

    An approval of the run is void from here on.
    """
    row = locked(connection, name)
    if row["state"] not in (*CANCELLABLE, "approved"):
        raise RunRefusedError(f"run {name} is {row['state']}")
    rows = items_of(connection, name)
    made = plan_of(connection, vault, terms.policy, name, rows)
    if made.netting.held:
        _complain(connection, name, of_items(rows, made.netting.held, terms.policy), terms)
        set_run(connection, name, held=[*row["held"], *_held(made.netting)])
        let_go = [obstacle.item for obstacle in made.netting.held]
        release_items(connection, name, let_go)
        made = plan_of(connection, vault, terms.policy, name, items_of(connection, name))
    write_plan(connection, terms.policy, name, made)
    _free_unable(connection, name, made)
    set_run(
        connection,
        name,
        state="calculated",
        content=made.content,
        approved_by=None,
        release=terms.policy.document.settlement.credit_release,
    )
    return made


def hand_in(connection: Connection, name: str) -> str:
    """A calculated run waits for its approval; the content hash that is to be approved."""
    row = locked(connection, name)
    if row["state"] == "calculated":
        set_run(connection, name, state="pending_approval")
    elif row["state"] != "pending_approval":
        raise RunRefusedError(f"run {name} is {row['state']}, not calculated")
    return str(row["content"])


def approve(connection: Connection, name: str, by: str, content: str, terms: Terms) -> None:
    """A second person stands behind the content with this hash. Raises RunRefusedError."""
    row = locked(connection, name)
    if row["state"] == "approved" and (row["approved_by"], row["content"]) == (by, content):
        return
    if row["state"] != "pending_approval":
        raise RunRefusedError(f"run {name} is {row['state']}, not pending approval")
    if same_person(by, row["made_by"]):
        raise RunRefusedError(f"{by} made run {name} and may not approve it")
    _require_right(terms.policy, by, "release")
    if content != row["content"]:
        raise RunRefusedError(f"run {name} has changed since: its content is {row['content']}")
    teller = Teller(connection, terms, name)
    body = RunApproved(**teller.said(row), content=content, made_by=row["made_by"], approved_by=by)
    teller.tell("run_approved.v1", _approval(content, by), body)


def cancel(connection: Connection, name: str, by: str, reason: str, terms: Terms) -> None:
    """The run's items are accrued again, and what they net with may void them now."""
    row = locked(connection, name)
    if row["state"] == "cancelled":
        return
    if row["state"] not in CANCELLABLE:
        raise RunRefusedError(f"run {name} is {row['state']}: too late to cancel it")
    teller = Teller(connection, terms, name)
    teller.tell("run_cancelled.v1", 0, RunCancelled(**teller.said(row), reason=reason, by=by))


def dry_run(connection: Connection, vault: Vault, order: RunOrder, terms: Terms) -> None:
    """List what a run would do now, as a run of state `dry` that claims nothing."""
    _require_right(terms.policy, order.made_by, "settle")
    if not _open(connection, order, terms):
        return
    rows = _accrued(connection, lock=False)
    made = plan_of(connection, vault, terms.policy, order.run, rows)
    for position in positions_of(terms.policy, made.netting):
        names = ("location", "entity", "before", "net", "moved", "carried")
        values = {column: getattr(position, column) for column in names}
        connection.execute(run_position.insert().values(run=order.run, **values))
    set_run(connection, order.run, held=_held(made.netting), content=made.content)


def locked(connection: Connection, name: str) -> Mapping[Any, Any]:
    """The run's row, locked until the transaction ends; RunRefusedError if there is none."""
    chosen = select(run).where(run.c.run == name).with_for_update()
    row = connection.execute(chosen).mappings().first()
    if row is None:
        raise RunRefusedError(f"there is no run {name}")
    return row


def void_approval(connection: Connection, name: str) -> None:
    """What was approved is not what would be done now: the run is to be calculated again."""
    set_run(connection, name, state="calculated", approved_by=None)


def _approval(content: str, by: str) -> int:
    """Tells approvals of a run apart; the same person's of the same content is the same one."""
    return int(sha256(f"{content}|{by}".encode()).hexdigest()[:12], 16)


def _require_name(run: str) -> None:
    if wrong := run_name_wrong(run):
        raise RunRefusedError(f"run {wrong}")


def _open(connection: Connection, order: RunOrder, terms: Terms) -> bool:
    _require_name(order.run)
    currency = terms.policy.document.network.currency
    arguments = {"currency": currency, "dry": order.dry}
    made = {
        "id": order.run,
        "kind": KIND,
        "arguments": arguments,
        "made_by": order.made_by,
        "approved_by": None,
        "as_of": _as_of(connection),
        "state": "started",
        "created_at": terms.now,
        "executed_at": None,
    }
    if not insert_new(connection, operation, made):
        chosen = select(operation.c.kind, operation.c.arguments).where(operation.c.id == order.run)
        known = connection.execute(chosen).one()
        wanted = {name: known.arguments.get(name) for name in arguments}
        if known.kind != KIND or wanted != arguments:
            raise RunRefusedError(f"{order.run} is the id of another operation")
    row: dict[str, Any] = {
        "run": order.run,
        "currency": currency,
        "parent": terms.policy.parent,
        "state": "dry" if order.dry else "open",
        "content": None,
        "made_by": order.made_by,
        "approved_by": None,
        "held": [],
        "release": terms.policy.document.settlement.credit_release,
        "filing_at": None,
        "started_at": terms.now,
        "reason": None,
    }
    if insert_new(connection, run, row):
        return True
    if connection.execute(select(run.c.run).where(run.c.run == order.run)).first() is None:
        raise RunRefusedError(f"another run in {currency} is not filed yet")
    return False


def _as_of(connection: Connection) -> dict[str, int]:
    """How far the items are known: {topic/partition: next offset}."""
    chosen = select(progress).where(progress.c.topic == SETTLEMENT_ITEMS.name)
    found = connection.execute(chosen.order_by(progress.c.partition)).mappings()
    return {f"{row['topic']}/{row['partition']}": row["next_offset"] for row in found}


def _accrued(connection: Connection, *, lock: bool = True) -> Sequence[Mapping[Any, Any]]:
    waiting = (item.c.state == "accrued", item.c.kind != "unreconciled")
    chosen = select(item).where(*waiting).order_by(item.c.item)
    chosen = chosen.with_for_update() if lock else chosen
    return connection.execute(chosen).mappings().all()


def _held(netting: Netting) -> list[dict[str, str]]:
    return [
        {"item": row.item, "location": row.location, "reason": row.reason.value}
        for row in netting.held
    ]


def _complain(
    connection: Connection, name: str, complaints: Iterable[Complaint], terms: Terms
) -> None:
    for kind, location, said in complaints:
        note(connection, kind, name, location, terms, said)


def _claim_owed(connection: Connection, name: str, terms: Terms) -> None:
    policy = terms.policy
    currency = policy.document.network.currency
    chosen = select(owed).where(owed.c.currency == currency, owed.c.state == "waiting")
    rows = connection.execute(chosen.order_by(owed.c.owed).with_for_update()).mappings().all()
    standings = standings_of(connection, policy, {row["location"] for row in rows})
    today = date.fromisoformat(local_date(terms.now, policy.document.network.timezone))
    for row in rows:
        age = (today - date.fromisoformat(row["first_effective"])).days
        late = row["attempt"] > ATTEMPTS_MAX or age > RETRY_DAYS_MAX
        if row["direction"] == "debit" and late:
            _set_owed(connection, row["owed"], state="person")
        elif estranged(policy, row["location"], row["entity"]):
            _complain(connection, name, [of_owed(row, policy)], terms)
        elif standings.get(row["location"]) is Standing.ABLE:
            _set_owed(connection, row["owed"], state="claimed", run=name)


def _free_unable(connection: Connection, name: str, made: Plan) -> None:
    able = {row["owed"] for row in made.again}
    claimed = select(owed.c.owed).where(owed.c.run == name, owed.c.state == "claimed")
    for key in connection.execute(claimed).scalars().all():
        if key not in able:
            _set_owed(connection, key, state="waiting", run=None)


def _set_owed(connection: Connection, key: str, **values: Any) -> None:
    connection.execute(update(owed).where(owed.c.owed == key).values(**values))


def _require_right(policy: Policy, person: str, right: str) -> None:
    people = policy.document.people
    if people is None or person.startswith(SERVICE):
        return
    if right not in people.get(person, []):
        raise RunRefusedError(f"{person} may not {right}")
