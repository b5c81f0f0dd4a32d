"""`scrip cards`: prepare, import, ship, activate, void, rekey, print.

What a command needs is loaded when it is called.
"""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Batch = Annotated[str, typer.Option("--batch", help="The batch's name.")]
Programme = Annotated[str, typer.Option("--programme", help="A card programme of the policy.")]
First = Annotated[int, typer.Option("--from", min=1, help="Number of the first card.")]
Last = Annotated[int | None, typer.Option("--to", min=1, help="And of the last; none: that one.")]
At = Annotated[str | None, typer.Option("--location", help="Where; none: the network's parent.")]
Again = Annotated[
    str, typer.Option("--again", help="A word that sets this asking apart from an earlier one.")
]
Value = Annotated[int | None, typer.Option("--value", min=1, help="Minor units per card.")]


def _legible(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("nothing — allowed: text that says why")
    return reason


Reason = Annotated[str, typer.Option("--reason", callback=_legible, help="Why.")]

app = typer.Typer(help="Cards: batches, printing, ranges, imports.", no_args_is_help=True)


@app.command()
def prepare(
    batch: Batch,
    programme: Programme,
    count: Annotated[int, typer.Option("--count", min=1, help="How many cards.")],
    template: Annotated[
        str | None, typer.Option("--template", help="Must be the programme's template.")
    ] = None,
    value: Value = None,
    json: Json = False,
) -> None:
    """Make cards into stock; killed, the same command goes on where it was."""
    order = {"batch": batch, "programme": programme, "cards": count, "value": value}
    _answer(json, "prepare", template, order)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    batch: Batch,
    programme: Programme,
    location: At = None,
    json: Json = False,
) -> None:
    """Take over cards with balances from a CSV: code,balance_minor,sold_at[,expires_at][,pin]."""
    _answer(json, "take_over", file, batch, programme, location)


@app.command("undo-import")
def undo_import(
    batch: Batch,
    first: First = 1,
    last: Last = None,
    unused_only: Annotated[
        bool, typer.Option("--unused-only", help="Leave those that cannot be, undo the others.")
    ] = False,
    again: Again = "",
    json: Json = False,
) -> None:
    """Take an import back; where a card cannot be (it was used), nothing is, and each is named."""
    _answer(json, "undo_import", batch, first, last, unused_only, again)


@app.command()
def ship(
    batch: Batch,
    first: First,
    to: Annotated[str, typer.Option("--location", help="Where they go.")],
    last: Last = None,
    again: Again = "",
    json: Json = False,
) -> None:
    """Send cards of stock to a location."""
    _answer(json, "move", _range(batch, first, last, "ship_cards", {"to": to}, again))


@app.command()
def activate(  # noqa: PLR0913, PLR0917 — a command's options are its parameters
    batch: Batch,
    first: First,
    tender: Annotated[str, typer.Option("--tender", help="cash, card, psp, promo …")],
    last: Last = None,
    location: At = None,
    value: Value = None,
    again: Again = "",
    json: Json = False,
) -> None:
    """Sell cards of stock, each at the value (none: the batch's)."""
    body: dict[str, Any] = {"tender": tender}
    if location is not None:
        body["place"] = {"location": location}
    _answer(json, "activate", _range(batch, first, last, "sell_card", body, again), value)


@app.command()
def void(
    batch: Batch,
    first: First,
    reason: Reason,
    last: Last = None,
    again: Again = "",
    json: Json = False,
) -> None:
    """Take cards of stock out of use."""
    _answer(json, "move", _range(batch, first, last, "cancel_card", {"reason": reason}, again))


@app.command()
def rekey(batch: Batch, first: First, last: Last = None, json: Json = False) -> None:
    """Give Blank cards (back in stock) new secrets, so that they are Prepared; then print them."""
    _answer(json, "rekey", batch, first, last or first)


@app.command("print")
def print_(
    batch: Batch,
    out: Annotated[Path, typer.Option("--out", help="FILE.pdf: a sheet; FILE.html: one card.")],
    first: First = 1,
    last: Last = None,
    json: Json = False,
) -> None:
    """Write a PDF sheet, or one card as HTML and text for an e-mail; both hold the secrets."""
    _answer(json, "write_printed", batch, first, last, out)


@app.command()
def show(batch: Batch, json: Json = False) -> None:
    """A batch's manifest: cards, value, SHA-256, what is left of its templates."""
    _answer(json, "show", batch)


def _range(
    batch: str, first: int, last: int | None, type: str, body: dict[str, Any], again: str = ""
) -> Any:
    wanted = import_module("services.issuance.operations").Range
    return wanted(batch, first, last or first, type, body, again)


def _answer(json: bool, name: str, *arguments: Any) -> None:
    ask = getattr(import_module("services.cards.answering"), name)
    import_module("services.local.asking").answer(json, lambda found: ask(found, *arguments))
