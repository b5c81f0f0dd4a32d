"""How the demo's figures read on a terminal, and as JSON."""

from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from schemas.money import figure
from schemas.topics import COMMAND_TOPICS
from services.demo.playing import Shown
from services.ledger import chart
from services.verify.verdicts import render

CURRENCY: Final = "USD"  # the demo's day knows no other
_NAMES = {
    chart.BANK: "bank",
    chart.CLEARING: "PSP clearing",
    chart.CASH: "cash drawer",
    chart.DUE_FROM: "due from affiliate",
    chart.IN_TRANSIT: "ACH in transit",
    chart.CARDS: "gift-card liability",
    chart.CREDITS: "store-credit liability",
    chart.TRANSFERS: "transfers in transit",
    chart.TAX: "sales tax",
    chart.TIPS: "tips",
    chart.DUE_TO: "due to affiliate",
    chart.REVENUE: "revenue",
    chart.RETURNS: "returns",
    chart.RETAINED: "network retained income",
    chart.ALLOWANCE: "network allowance",
    chart.DISCOUNT: "promo discount",
    chart.GOODWILL: "goodwill",
    chart.MEMBERSHIP: "membership cost",
}


def as_json(shown: Shown) -> dict[str, Any]:
    """One object with every figure."""
    settled, examined = shown.settled, shown.examined
    return {
        "holds": shown.holds,
        "chosen": shown.chosen,
        "published": shown.lines,
        "outcomes": {kind: dict(found) for kind, found in shown.happened.types.items()},
        "refusals": {reason: n for reason, n in shown.happened.refusals.items() if reason},
        "deadletters": dict(shown.happened.letters),
        "replies_repeated": shown.happened.repeats,
        "unanswered": shown.happened.unanswered,
        "accounts": shown.accounts,
        "differing": shown.differing,
        "trial_balance": shown.trial,
        "pairs": shown.pairs,
        "run": settled.run if settled is not None else None,
        "files": settled.files if settled is not None else [],
        "verify": examined.as_json() if examined is not None else None,
        "killed": shown.traded.killed,
        "kill_felt_seconds": round(shown.traded.kill_seconds, 3),
        "seconds": {stage: round(took, 3) for stage, took in shown.seconds.items()},
        "folder": shown.folder,
    }


def tell(shown: Shown, console: Console) -> None:
    """Print the day."""
    _outcomes(shown, console)
    _balances(shown, console)
    _trial(shown, console)
    _pairs(shown, console)
    _run(shown, console)
    if shown.examined is not None:
        console.rule("scrip verify")
        console.print(render(shown.examined), highlight=False, soft_wrap=True)
    _timings(shown, console)
    _next(shown, console)


def _outcomes(shown: Shown, console: Console) -> None:
    table = Table(title=f"what happened to {shown.lines:,} records on two command topics")
    columns = ("accepted", "refused", "delivered again", "dead letter")
    table.add_column("command")
    for column in columns:
        table.add_column(column, justify="right")
    for kind, found in sorted(shown.happened.types.items()):
        table.add_row(kind or "(none)", *(_count(found[column]) for column in columns))
    console.print(table)
    reasons = shown.happened.refusals.most_common()
    said = ", ".join(f"{reason} {count}" for reason, count in reasons if reason)
    console.print(f"refused: {said}", highlight=False, soft_wrap=True)
    letters = ", ".join(f"{cause} {count}" for cause, count in shown.happened.letters.items())
    console.print(f"dead letters: {letters}", highlight=False, soft_wrap=True)
    console.print(
        f"answered again as before: {shown.happened.repeats}; "
        f"neither answered nor buried: {len(shown.happened.unanswered)}",
        highlight=False,
    )
    console.print(f"killed: {shown.traded.killed}, started again", highlight=False)


def _balances(shown: Shown, console: Console) -> None:
    console.rule("balances against what was published")
    same = shown.accounts - len(shown.differing)
    console.print(
        f"{same:,} of {shown.accounts:,} accounts: worked out from commands and replies = "
        "balances topic = PostgreSQL",
        highlight=False,
        soft_wrap=True,
    )
    for line in shown.differing[:10]:
        console.print(f"  {line}", highlight=False, soft_wrap=True)


def _trial(shown: Shown, console: Console) -> None:
    table = Table(title=f"trial balance ({CURRENCY}, debit positive)")
    table.add_column("account", no_wrap=True)
    for entity in shown.trial:
        table.add_column(entity, justify="right")
    table.add_column("together", justify="right")
    accounts = sorted({account for found in shown.trial.values() for account in found})
    for account in accounts:
        amounts = [found.get(account, 0) for found in shown.trial.values()]
        name = f"{account} {_NAMES.get(account, '')}"
        table.add_row(name, *(_money(minor) for minor in amounts), _money(sum(amounts)))
    sums = [sum(found.values()) for found in shown.trial.values()]
    table.add_section()
    table.add_row("sum", *(figure(minor, CURRENCY) for minor in [*sums, sum(sums)]))
    console.print(table)


def _pairs(shown: Shown, console: Console) -> None:
    owed = "what the seller of the value owes the place of its use"
    table = Table(title=f"items: {owed} ({CURRENCY})")
    table.add_column("sold at → used at", no_wrap=True)
    for column in ("items", "base", "owed", "taken back", "unreconciled"):
        table.add_column(column, justify="right")
    for row in shown.pairs:
        table.add_row(
            f"{row['from']} → {row['to']}",
            _count(row["items"]),
            _money(row["base"]),
            _money(row["amount"]),
            _money(-row["refunded"]),
            _count(row["unreconciled"]),
        )
    console.print(table)


def _run(shown: Shown, console: Console) -> None:
    if shown.settled is None:
        return
    run = shown.settled.run
    console.rule(f"settlement run {run['id']}: {run['state']}")
    positions = (f"{place} {_money(minor)}" for place, minor in run["positions"].items())
    console.print("positions: " + ", ".join(positions), highlight=False, soft_wrap=True)
    for file in shown.settled.files:
        where = Path(shown.folder) / "bank" / file["name"]
        console.print(f"{where} (sha256 {file['sha256']})", highlight=False, soft_wrap=True)
        console.print(file["content"] or "", highlight=False, markup=False, soft_wrap=True)


def _timings(shown: Shown, console: Console) -> None:
    console.rule("timings")
    for stage, took in shown.seconds.items():
        console.print(f"{took:7.1f} s  {stage}", highlight=False)
    traded = shown.traded
    console.print(
        f"{traded.windows} windows of the story's clock, the longest took "
        f"{traded.window_seconds_max:.2f} s, the one with the kill {traded.kill_seconds:.2f} s",
        highlight=False,
        soft_wrap=True,
    )


def _next(shown: Shown, console: Console) -> None:
    console.rule("next")
    verdict = "everything holds" if shown.holds else "SOMETHING DOES NOT HOLD: see above"
    console.print(verdict, style="bold")
    topics = " and ".join(topic.name for topic in COMMAND_TOPICS)
    console.print(
        f"The day is deploy/demo/day.jsonl ({topics}), its policy deploy/policy/demo.yaml.\n"
        "  .venv/bin/scrip story tests/stories/example-1.yaml   a story of your own: change it\n"
        "  .venv/bin/scrip up                                   everything running until Ctrl-C\n"
        f"  {shown.folder}/logs                                  what each process said",
        highlight=False,
        soft_wrap=True,
    )


def _money(minor: int) -> str:
    return figure(minor, CURRENCY) if minor else ""


def _count(number: int) -> str:
    return f"{number:,}" if number else ""
