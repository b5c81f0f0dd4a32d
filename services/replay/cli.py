"""`scrip replay`: plan, shadow, apply. What a command needs is loaded when it runs."""

from importlib import import_module
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Hash = Annotated[str, typer.Argument(help="The plan's hash, or its first 8 characters or more.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for workers and sinks.")]

app = typer.Typer(
    help="Work books out anew beside the live ones, and adjust what differs.",
    no_args_is_help=True,
)


@app.command()
def plan(  # noqa: PLR0917 — a command's options are its parameters
    since: Annotated[str | None, typer.Option(help="Facts at or after (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option(help="Facts before (RFC 3339).")] = None,
    partition: Annotated[list[int] | None, typer.Option(help="Of the topics of facts.")] = None,
    account: Annotated[list[str] | None, typer.Option(help="Card or credit account.")] = None,
    type: Annotated[list[str] | None, typer.Option(help="Like hold_captured.")] = None,
    wait: Wait = 60.0,
    json: Json = False,
) -> None:
    """Say what would be read and what money it would move; writes only the plan (SCRIP_USER)."""
    instant = import_module("services.local.asking").instant
    choice = import_module("services.replay.choice").Choice(
        since=instant("--since", since),
        until=instant("--until", until),
        partitions=tuple(sorted(partition or ())),
        accounts=tuple(sorted(account or ())),
        types=tuple(sorted(type or ())),
    )
    _answer(json, "plan", choice, wait)


@app.command()
def shadow(hash: Hash, wait: Wait = 60.0, json: Json = False) -> None:
    """Rebuild accounts, journals and items beside the live ones, and say what differs."""
    _answer(json, "shadow", hash, wait)


@app.command()
def apply(hash: Hash, wait: Wait = 60.0, json: Json = False) -> None:
    """Post what is missing in the books, once (SCRIP_USER is not who made the plan)."""
    _answer(json, "apply", hash, wait)


def _answer(json: bool, name: str, *arguments: Any) -> None:
    ask = getattr(import_module("services.replay.answering"), name)
    asking = import_module("services.local.asking")
    asking.answer(json, lambda found: ask(found, *arguments, asking.tell))
