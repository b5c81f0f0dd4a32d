"""`scrip deadletters`: list, show, requeue. What a command needs is loaded when it runs."""

from importlib import import_module
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
TopicName = Annotated[str | None, typer.Option("--topic", help="The topic they were read from.")]
Cause = Annotated[
    str | None,
    typer.Option("--cause", help="unreadable, unsealed, misrouted or not_permitted."),
]
Key = Annotated[str | None, typer.Option("--key", help="The key: card or account.")]
Since = Annotated[str | None, typer.Option("--since", help="Buried at or after (RFC 3339).")]
Until = Annotated[str | None, typer.Option("--until", help="Buried before (RFC 3339).")]

app = typer.Typer(help="What could not be read.", no_args_is_help=True)


@app.command("list")
def list_(
    topic: TopicName = None,
    cause: Cause = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    json: Json = False,
) -> None:
    """What could not be read, oldest first, and how many of each kind."""
    wanted = _wanted((), topic, cause, key, since, until)
    _answer(json, "list_letters", wanted)


@app.command()
def show(letter: str, json: Json = False) -> None:
    """One dead letter with its bytes; LETTER is partition/offset as listed."""
    _answer(json, "show_letter", letter)


@app.command()
def requeue(  # noqa: PLR0913, PLR0917 — a command's options are its parameters
    letters: Annotated[list[str] | None, typer.Argument(help="partition/offset as listed")] = None,
    topic: TopicName = None,
    cause: Cause = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send them; else only say which.")] = False,
    json: Json = False,
) -> None:
    """Send the untouched bytes once more to where they came from (a dry run without --yes)."""
    wanted = _wanted(letters or (), topic, cause, key, since, until)
    _answer(json, "requeue_letters", wanted, yes)


def _wanted(letters: Any, topic: Any, cause: Any, key: Any, since: Any, until: Any) -> Any:
    instant = import_module("services.local.asking").instant
    return import_module("services.deadletters.letters").Wanted(
        names=frozenset(letters),
        topic=topic,
        cause_class=cause,
        key=key,
        since=instant("--since", since),
        until=instant("--until", until),
    )


def _answer(json: bool, name: str, *arguments: Any) -> None:
    ask = getattr(import_module("services.deadletters.answering"), name)
    import_module("services.local.asking").answer(json, lambda found: ask(found, *arguments))
