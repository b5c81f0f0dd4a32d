"""Asks the installation something for a person: its answer printed, what it lacks as a sentence."""

import sys
from collections.abc import Callable

import typer

from schemas.instants import parse_instant
from services.local.explaining import explained
from services.local.installation import installation
from services.runtime.cli import Said, as_json
from services.runtime.settings import Settings


def answer(json: bool, ask: Callable[[Settings], Said]) -> None:
    """Print what it says; raises typer.Exit with its status."""

    def asked() -> int:
        said = ask(installation())
        sys.stdout.write(as_json(said.found).decode() if json else said.text)
        sys.stdout.write("\n")
        return said.status

    status, sentence = explained(asked)
    if sentence is not None:
        if json:
            sys.stdout.write(as_json({"error": sentence, "exit": status}).decode() + "\n")
        sys.stderr.write(f"scrip: {sentence}\n")
    raise typer.Exit(status)


def tell(line: str) -> None:
    """News on the way, on standard error: standard output is the answer's."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def instant(name: str, text: str | None) -> int | None:
    """The instant an option names, ms UTC; raises typer.BadParameter."""
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=name) from error
