"""Prints a story's report for people: what happened, balances, books, items, runs, invariants."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.instants import zone
from schemas.money import figure
from services.stories.reading import Story
from services.stories.steps import CommandStep, RepeatStep, Step


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
        currency = _currency(story, found, step)
        amounts = (balance.get("ledger"), balance.get("held"), reply.get("due"))
        id = str(getattr(step, "id", "") or reply.get("id") or "")
        shown = (_amount(minor, currency) for minor in amounts)
        table.add_row(moment, step.do, id, f"{said}{again}", *shown)
    console.print(table)


def _currency(story: Story, found: dict[str, Any], step: Step) -> str:
    """What an answer's amounts are of: its account's currency; without one, the network's."""
    of = step.of if isinstance(step, RepeatStep) else step
    account = found["accounts"].get(of.name, {}) if isinstance(of, CommandStep) else {}
    return str(account.get("currency") or story.document.network.currency)


def _accounts(found: dict[str, Any], console: Console) -> None:
    table = _titled("accounts", ("account", "state", "ledger", "held", "available", "lots"))
    for name, account in found["accounts"].items():
        state = f"{account['state'] or '—'}{' (frozen)' if account['frozen'] else ''}"
        currency = account.get("currency", "")
        lots = ", ".join(
            f"{lot['origin']} {_amount(lot['minor'], currency)} of {lot['location']}"
            for lot in account["lots"]
        )
        # Without a currency, as in stock, there is nothing on it either.
        amounts = (account[key] if currency else None for key in ("ledger", "held", "available"))
        table.add_row(name, state, *(_amount(minor, currency) for minor in amounts), lots)
    console.print(table)


def _journals(found: dict[str, Any], console: Console) -> None:
    table = _titled("journals", ("date", "entity", "event", "account", "debit", "credit", "with"))
    for journal in found["journals"]:
        head = (journal["date"], journal["entity"], journal["event"])
        for number, line in enumerate(journal["lines"]):
            shown = head if number == 0 else ("", "", "")
            currency = journal["currency"]
            sides = (_amount(line[side] or None, currency) for side in ("debit", "credit"))
            table.add_row(*shown, line["account"], *sides, line["counterparty"] or "")
    if found["journals"]:
        console.print(table)


def _trial_balance(found: dict[str, Any], console: Console) -> None:
    for currency, books in found["trial_balance_by_currency"].items():
        table = _titled(f"trial balance ({currency}, debit positive)", ("account", *books))
        for account in sorted({account for balance in books.values() for account in balance}):
            amounts = (balance.get(account) for balance in books.values())
            table.add_row(account, *(_amount(minor, currency) for minor in amounts))
        console.print(table)


def _items(found: dict[str, Any], console: Console) -> None:
    columns = ("from", "to", "category", "base", "rate_bp", "amount", "kind", "state", "run")
    if found["items"]:
        rows = [
            {**item, **{of: _amount(item[of], item["currency"]) for of in ("base", "amount")}}
            for item in found["items"]
        ]
        _table(console, "items", columns, rows)


def _runs(found: dict[str, Any], console: Console) -> None:
    for run in found["runs"]:
        currency = run["currency"]
        console.print(f"run {run['id']}: {run['state']}", style="bold", markup=False)
        for what in ("positions", "carried"):
            for location, minor in run[what].items():
                said = _amount(minor, currency)
                console.print(f"  {what} {location}: {said}", markup=False)
        for entry in run["entries"]:
            amount = _amount(entry["amount"], currency)
            said = f"{entry['direction']} {amount} code {entry['code']}"
            more = f"trace {entry['trace']} attempt {entry['attempt']}: {entry['state']}"
            console.print(f"  {entry['location']} {said} {more}", markup=False)
        for reason, count in run["held_reasons"].items():
            said = reason.replace("_", " ")
            console.print(f"  held back: {count} ({said})", markup=False)
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


def _amount(minor: int | None, currency: str) -> str:
    return "" if minor is None else figure(minor, currency)


def _moment(at: int, timezone: str) -> str:
    """The local day and minute."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return moment.astimezone(zone(timezone)).strftime("%Y-%m-%d %H:%M")
