"""`scrip account show`: an account's state and history, like a bank statement.

Every line says what it changed from what to what, and bears the hash of itself and all lines before
it: two prints of a statement agree up to a line if they agree in its hash.
"""

import hashlib
from typing import Any, Final

import orjson

from schemas.identifiers import credit_account
from schemas.instants import format_instant
from schemas.money import figure
from schemas.orders import shares
from schemas.policy import OwnerKind
from schemas.topics import REDEMPTION_BALANCES
from services.ledger.credit import credit_text, transactions
from services.ledger.history import LATER
from services.ledger.views import account, history
from services.runtime.cli import NO, Said, require_database, require_log
from services.runtime.clocks import SystemClock
from services.runtime.murmur2 import partition_of
from services.runtime.policies import Policies
from services.runtime.ports import Log
from services.runtime.settings import Settings
from services.runtime.slices import records_now

Owners = dict[OwnerKind, str]
_SAID: Final = (
    *(
        "staff",
        "approved_by",
        "register",
        "receipt",
        "order",
        "reference",
        "reason",
        "case",
        "note",
    ),
)


def show_account(settings: Settings, name: str) -> Said:
    """State and history from PostgreSQL, lots and holds from the live row; status 1: unknown."""
    log, engine = require_log(settings), require_database(settings)
    with engine.connect() as connection:
        state, rows = account(connection, name), history(connection, name)
    live = _live(log, name)
    if state is None and live is None:
        return Said({"account": name, "found": False}, f"no fact has named {name}", NO)
    events = lines_of(rows)
    found = {"account": name, "state": _plain(state), "live": live, "history": events}
    shown = _text(name, state or {}, live, events)
    if state is not None and state.get("kind") == "credit":
        moves = transactions(rows)
        found["transactions"] = [{**one, "at": format_instant(one["at"])} for one in moves]
        shown = credit_text(name, state, moves) + "\n\n" + shown
    return Said(found, shown)


def cover_order(
    settings: Settings, order: str, total: int, currency: str | None, owners: Owners
) -> Said:
    """The holds by which store credit pays an order, first to last, and what remains due."""
    log = require_log(settings)
    policies = Policies(log.reader())
    policies.refresh()
    policy = policies.in_force(SystemClock().now())
    if policy is None:
        return Said({"order": order}, "no policy is in force yet: scrip policy apply FILE", NO)
    unit = currency or policy.document.network.currency
    subjects = {kind: credit_account(kind, owner, unit) for kind, owner in owners.items()}
    rows = {kind: _live(log, subject) for kind, subject in subjects.items()}
    available = {
        kind: row["ledger"] - row["held"]
        for kind, row in rows.items()
        if row is not None and not row["frozen"]
    }
    found = shares(total, available, policy.document.credit_order)
    holds = [
        {
            "type": "place_hold",
            "subject": subjects[share.owner_kind],
            "owner": {share.owner_kind: owners[share.owner_kind]},
            "data": {
                "amount": _in(share.minor, unit),
                "order": {"id": order, "total": _in(total, unit)}
                | ({"covered": _in(share.covered, unit)} if share.covered else {}),
            },
        }
        for share in found
    ]
    due = total - sum(share.minor for share in found)
    lines = [
        f"{figure(share.minor, unit):>12} {unit} of {share.owner_kind} {owners[share.owner_kind]}"
        f" ({subjects[share.owner_kind]})"
        for share in found
    ]
    lines.append(f"{figure(due, unit):>12} {unit} remain due")
    return Said({"order": order, "holds": holds, "due": due}, "\n".join(lines))


def _in(minor: int, currency: str) -> dict[str, Any]:
    return {"minor": minor, "currency": currency}


def _live(log: Log, name: str) -> dict[str, Any] | None:
    """The account's newest row on the topic of balances."""
    topic = REDEMPTION_BALANCES.name
    key = name.encode()
    number = partition_of(key, log.partitions(topic))
    newest: bytes | None = None
    for record in records_now(log.reader(), topic, number):
        if record.key == key:
            newest = record.value
    row: dict[str, Any] | None = None if newest is None else orjson.loads(newest)
    return row


def _plain(state: dict[str, Any] | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {
        name: format_instant(value) if name.endswith("_at") and value is not None else value
        for name, value in state.items()
        if name != "id"
    }


def lines_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of an account's history: before and after, and the chain of hashes (hex)."""
    chain, said = "", []
    for row in rows:
        event = _event(row)
        content = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
        chain = hashlib.sha256(chain.encode() + content).hexdigest()
        said.append({**event, "hash": chain})
    return said


def _event(row: dict[str, Any]) -> dict[str, Any]:
    # What nothing is said of in columns that came later is left out: hashes stay what they were.
    dropped = {"id", "account", "at", *(name for name in LATER if not row[name])}
    said = {str(name): value for name, value in row.items() if name not in dropped}
    return {
        "at": format_instant(row["at"]),
        "ledger_before": row["ledger_after"] - row["ledger_change"],
        "held_before": row["held_after"] - row["held_change"],
        **said,
    }


def _text(
    name: str, state: dict[str, Any], live: dict[str, Any] | None, events: list[dict[str, Any]]
) -> str:
    shown = live or state
    frozen = ", frozen" if shown.get("frozen") else ""
    currency = shown.get("currency") or ""
    lines = [f"{name}: {shown['state']}{frozen}, programme {shown['programme']}"]
    if live is not None:
        ledger, held = live["ledger"], live["held"]
        lines.append(
            f"ledger {figure(ledger, currency)} {currency}, held {figure(held, currency)}, "
            f"available {figure(ledger - held, currency)}"
        )
        lines += [_lot(lot, currency) for lot in live["lots"]]
        lines += [_hold(hold, currency) for hold in live["holds"]]
    lines += ["", f"{'':39} {'before':>12} {'change':>12} {'after':>12}  where, who, why"]
    lines += [_line(event, currency) for event in events]
    return "\n".join(lines)


def _lot(lot: dict[str, Any], currency: str) -> str:
    ends = f", until {format_instant(lot['expires_at'])}" if lot["expires_at"] else ""
    place = f"{lot['location']} ({lot['entity']})"
    return f"  lot {figure(lot['minor'], currency)} {lot['origin']} from {place}{ends}"


def _hold(hold: dict[str, Any], currency: str) -> str:
    minor, ends = figure(hold["minor"], currency), format_instant(hold["ends_at"])
    return f"  hold {hold['hold']} {minor} until {ends}"


def _line(event: dict[str, Any], currency: str) -> str:
    moved, held = event["ledger_change"], event["held_change"]
    change = f"{figure(moved, currency):>12}" if moved else " " * 12
    before, after = (figure(event[f"ledger_{when}"], currency) for when in ("before", "after"))
    told = [
        f"{event['at'][:19]}Z {event['type']:<18} {before:>12} {change} {after:>12}",
        f"{event['location']}/{event['channel'] or '-'}",
    ]
    for field in _SAID:
        if event.get(field):
            told.append(f"{field.replace('_', ' ')} {event[field]}")
    if held:
        was, now = (figure(event[f"held_{when}"], currency) for when in ("before", "after"))
        told.append(f"held {was} → {now}")
    told.append(f"#{event['hash'][:12]}")
    return "  ".join(told)
