"""What is printed or sent of cards: a PDF sheet for the press room, a digital card for an e-mail.

Both hold secrets: they are written for whoever issues the cards, and kept nowhere here.
"""

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import segno
from reportlab.graphics import renderPDF
from reportlab.graphics.barcode import createBarcodeDrawing
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import Engine, select

from schemas.money import in_units
from schemas.policy import Template
from services.issuance.numbers import grouped
from services.issuance.press import PressedCard, PrintKey
from services.issuance.runs import BatchRefusedError
from services.issuance.tables import BATCHES, CHUNKS, REKEYED

CARD_WIDTH: Final = 86 * mm
CARD_HEIGHT: Final = 54 * mm
COLUMNS: Final = 2
ROWS: Final = 5
PRINTED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cards of a batch by number, opened for printing, and what is printed beside them."""

    batch: str
    programme: str
    currency: str
    value: int | None
    templates: dict[str, Template]
    cards: Sequence[tuple[int, PressedCard]]


def opened(engine: Engine, key: PrintKey, batch: str, first: int, last: int) -> Sheet:
    """The cards from number `first` to `last`, those that were rekeyed with their new secrets.

    Raises BatchRefusedError, PrintFileError.
    """
    with engine.connect() as connection:
        plan = connection.execute(select(BATCHES).where(BATCHES.c.batch == batch)).first()
        chunks = connection.execute(
            select(CHUNKS)
            .where(CHUNKS.c.batch == batch, CHUNKS.c.first <= last)
            .where(CHUNKS.c.first + CHUNKS.c.cards > first)
            .order_by(CHUNKS.c.chunk)
        ).all()
        rekeyed = connection.execute(
            select(REKEYED)
            .where(REKEYED.c.batch == batch, REKEYED.c.number.between(first, last))
            .order_by(REKEYED.c.number)
        ).all()
    if plan is None:
        raise BatchRefusedError(f"there is no batch {batch}")
    if not 1 <= first <= last <= plan.cards or last - first >= PRINTED_MAX:
        allowed = f"1 to {plan.cards}, at most {PRINTED_MAX} at once"
        raise BatchRefusedError(f"cards {first} to {last}; allowed: {allowed}")
    cards: dict[int, PressedCard] = {}
    for chunk in chunks:
        if plan.wrapped is not None and chunk.sealed is not None:
            cards.update(key.open(plan.wrapped, batch, chunk.chunk, chunk.sealed))
    for row in rekeyed:
        # What the batch's own file says of this card is a secret that no longer counts.
        cards.update(key.open(row.wrapped, batch, row.number, row.sealed))
    wanted = range(first, last + 1)
    if any(number not in cards for number in wanted):
        raise BatchRefusedError(f"batch {batch} has no print file for cards {first} to {last}")
    templates = {name: Template(**said) for name, said in plan.templates.items()}
    return Sheet(
        batch, plan.programme, plan.currency, plan.value, templates, [(n, cards[n]) for n in wanted]
    )


def pdf(sheet: Sheet) -> bytes:
    """A PDF of A4 pages, ten cards each: number, barcode, QR, and the PIN under its field."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=1)
    canvas.setTitle(f"{sheet.programme} {sheet.batch}")
    for place, (number, card) in enumerate(sheet.cards):
        on_page = place % (COLUMNS * ROWS)
        if place and on_page == 0:
            canvas.showPage()
        column, row = on_page % COLUMNS, on_page // COLUMNS
        x = 15 * mm + column * (CARD_WIDTH + 8 * mm)
        y = A4[1] - 10 * mm - (row + 1) * (CARD_HEIGHT + 2 * mm)
        _card(canvas, x, y, sheet, number, card)
    canvas.save()
    return stream.getvalue()


def email(sheet: Sheet) -> tuple[str, str]:
    """The first card of a sheet as HTML (its QR inside, nothing loaded from elsewhere) and text."""
    _, card = sheet.cards[0]
    lines = [sheet.programme, shown(card)]
    if sheet.value is not None:
        lines.append(in_units(sheet.value, sheet.currency))
    if card.pin is not None:
        lines.append(f"PIN {card.pin}")
    text = "\n".join(lines) + "\n"
    title, *rest = [html.escape(line) for line in lines]
    picture = segno.make(scanned(card), error="m").svg_inline(scale=5)
    body = "".join(f"<p>{line}</p>" for line in rest)
    style = "font-family:sans-serif;max-width:24em;margin:2em auto;text-align:center"
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'</head><body><div style="{style}"><h1>{title}</h1>{body}{picture}</div></body></html>\n'
    )
    return page, text


def shown(card: PressedCard) -> str:
    """The identifier people read, in groups of four."""
    return grouped(card.identifiers[0].text)


def scanned(card: PressedCard) -> str:
    """What the QR says: its own identifier where the template has one, else the code."""
    own = [secret.text for secret in card.identifiers if secret.kind == "qr"]
    return own[0] if own else card.identifiers[0].text


def barcode(card: PressedCard) -> tuple[str, str]:
    """Symbology and text of the barcode: EAN-13 where the template has one, else Code 128."""
    own = [secret.text for secret in card.identifiers if secret.kind == "barcode"]
    return ("EAN13", own[0]) if own else ("Code128", card.identifiers[0].text)


def _card(canvas: Canvas, x: Any, y: Any, sheet: Sheet, number: int, card: PressedCard) -> None:
    canvas.roundRect(x, y, CARD_WIDTH, CARD_HEIGHT, 3 * mm)
    top = y + CARD_HEIGHT
    canvas.setFont("Helvetica-Bold", 10)
    canvas.drawString(x + 4 * mm, top - 7 * mm, sheet.programme)
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(x + CARD_WIDTH - 4 * mm, top - 7 * mm, f"{sheet.batch} / {number}")
    if sheet.value is not None:
        canvas.drawString(x + 4 * mm, top - 11 * mm, in_units(sheet.value, sheet.currency))
    canvas.setFont("Courier-Bold", 10)
    canvas.drawString(x + 4 * mm, top - 17 * mm, shown(card))
    if card.pin is not None:
        canvas.setFont("Courier", 9)
        canvas.rect(x + 4 * mm, y + 3 * mm, 30 * mm, 6 * mm)
        canvas.drawString(x + 6 * mm, y + 5 * mm, f"PIN {card.pin}")
    symbology, text = barcode(card)
    renderPDF.draw(_drawn(symbology, text, 48, 14), canvas, x + 4 * mm, y + 13 * mm)
    square = _drawn("QR", scanned(card), 24, 24)
    renderPDF.draw(square, canvas, x + CARD_WIDTH - 28 * mm, y + 6 * mm)


def _drawn(symbology: str, text: str, width: int, height: int) -> Any:
    """A barcode of so many millimetres."""
    return createBarcodeDrawing(  # type: ignore[no-untyped-call]
        symbology, value=text, width=width * mm, height=height * mm
    )
