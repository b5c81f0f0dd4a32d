"""Prints a story's report for people: what happened, balances, books, items, runs, invariants."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.instants import zone
from services.stories.reading import Story


def show(story: Story, found: dict[str, Any], console: Console) -> None:
    """Everything of the report that there is anything of."""
    _steps(story, found, console)
    _accounts(found, console)
    _journals(found, console)
    _trial_balance(found, console)
    _items(found, console)
    _runs(found, console)
    for name, columns in (
        ("deadletters", ("topic", "partition", "offset", "cause")),
        ("exceptions", ("kind", "run", "location", "detail")),
    ):
        if found[name]:
            _table(console, name, columns, found[name])
    for one in found["invariants"]:
        mark = Text("holds", "green") if one["holds"] else Text("does NOT hold", "bold red")
        console.print(Text(f"  {one['name'].replace('_', ' ')}: ") + mark)
        for detail in one["detail"]:
            console.print(f"    {detail}", markup=False)


def _steps(story: Story, found: dict[str, Any], console: Console) -> None:
    table = _titled("what happened", ("at", "step", "id", "outcome", "ledger", "held", "due"))
    replies = {reply["step"]: reply for reply in found["replies"]}
    notes = {note["step"]: note["text"] for note in found["notes"]}
    timezone = story.document.network.timezone
    for step in story.steps:
        reply = replies.get(step.number, {})
        balance = reply.get("balance") or {}
        said = reply.get("reason") or reply.get("outcome") or notes.get(step.number, "")
        again = " (again)" if reply.get("repeated") else ""
        moment = _moment(step.at, timezone)
        amounts = (balance.get("ledger"), balance.get("held"), reply.get("due"))
        id = str(getattr(step, "id", "") or reply.get("id") or "")
        table.add_row(moment, step.do, id, f"{said}{again}", *(_amount(a) for a in amounts))
    console.print(table)


def _accounts(found: dict[str, Any], console: Console) -> None:
    table = _titled("accounts", ("account", "state", "ledger", "held", "available", "lots"))
    for name, account in found["accounts"].items():
        state = f"{account['state'] or '—'}{' (frozen)' if account['frozen'] else ''}"
        lots = ", ".join(
            f"{lot['origin']} {_amount(lot['minor'])} of {lot['location']}"
            for lot in account["lots"]
        )
        amounts = (_amount(account[key]) for key in ("ledger", "held", "available"))
        table.add_row(name, state, *amounts, lots)
    console.print(table)


def _journals(found: dict[str, Any], console: Console) -> None:
    table = _titled("journals", ("date", "entity", "event", "account", "debit", "credit", "with"))
    for journal in found["journals"]:
        head = (journal["date"], journal["entity"], journal["event"])
        for number, line in enumerate(journal["lines"]):
            shown = head if number == 0 else ("", "", "")
            sides = (_amount(line[side] or None) for side in ("debit", "credit"))
            table.add_row(*shown, line["account"], *sides, line["counterparty"] or "")
    if found["journals"]:
        console.print(table)


def _trial_balance(found: dict[str, Any], console: Console) -> None:
    entities = list(found["trial_balance"])
    accounts = sorted({a for balance in found["trial_balance"].values() for a in balance})
    table = _titled("trial balance (debit positive)", ("account", *entities))
    for account in accounts:
        amounts = (found["trial_balance"][entity].get(account) for entity in entities)
        table.add_row(account, *(_amount(minor) for minor in amounts))
    if accounts:
        console.print(table)


def _items(found: dict[str, Any], console: Console) -> None:
    columns = ("from", "to", "category", "base", "rate_bp", "amount", "kind", "state", "run")
    if found["items"]:
        rows = [
            {**item, "base": _amount(item["base"]), "amount": _amount(item["amount"])}
            for item in found["items"]
        ]
        _table(console, "items", columns, rows)


def _runs(found: dict[str, Any], console: Console) -> None:
    for run in found["runs"]:
        console.print(f"run {run['id']}: {run['state']}", style="bold", markup=False)
        for what in ("positions", "carried"):
            for location, minor in run[what].items():
                console.print(f"  {what} {location}: {_amount(minor)}", markup=False)
        for entry in run["entries"]:
            said = f"{entry['direction']} {_amount(entry['amount'])} code {entry['code']}"
            more = f"trace {entry['trace']} attempt {entry['attempt']}: {entry['state']}"
            console.print(f"  {entry['location']} {said} {more}", markup=False)
        if run["held"]:
            console.print(f"  held back: {len(run['held'])} items", markup=False)
    for file in found["files"]:
        console.print(f"file {file['name']} sha256 {file['sha256']}", style="bold", markup=False)


def _table(
    console: Console, title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]
) -> None:
    table = _titled(title, columns)
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in columns))
    console.print(table)


def _titled(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _amount(minor: int | None) -> str:
    """Minor units as they are said: 1234 is 12.34 (currencies of two decimals)."""
    if minor is None:
        return ""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def _moment(at: int, timezone: str) -> str:
    """The local day and minute."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return moment.astimezone(zone(timezone)).strftime("%Y-%m-%d %H:%M")
