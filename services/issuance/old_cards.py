"""Cards of another system, as a CSV file names them: each row is fit, or is told what would be.

Codes and PINs are secrets: a finding shows the last four of a code, and of a PIN nothing. Columns
get mixed up, so a value that stands elsewhere is shown only if its form is no secret's.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.findings import Finding
from schemas.instants import parse_instant
from services.issuance.numbers import normalised

COLUMNS: Final = ("code", "balance_minor", "sold_at", "expires_at", "pin")
NEEDED: Final = ("code", "balance_minor", "sold_at")
CODE_LENGTHS: Final = range(8, 41)
BALANCE_MAX: Final = 10**12
ROWS_MAX: Final = 1_000_000
NOT_SHOWN: Final = "(not shown)"
PIN_LENGTHS: Final = range(4, 13)
# An instant or a day, an amount with three digits before its point, a word: a code has 8 letters or
# digits, a PIN 4 digits, and nothing else between them than spaces and hyphens.
_NO_SECRET: Final = re.compile(
    r"(19|20)\d\d-[01]\d-[0-3]\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?([Zz]|[+-]\d\d:?\d\d)?"
    r"|\d{1,2}[./]\d{1,2}[./](19|20)?\d\d"
    r"|[+-]?\d{1,3}([.,]\d{1,2})?"
    r"|[A-Za-z]{0,7}"
    r"|[A-Za-z]{1,20}(_[A-Za-z]{1,20}){1,3}",
    re.ASCII,
).fullmatch


@dataclass(frozen=True, slots=True)
class OldCard:
    """A row: `minor` units on the card, instants in ms UTC; `repr` shows no secret."""

    line: int
    code: str = field(repr=False)
    minor: int
    sold_at: int
    expires_at: int | None
    pin: str | None = field(repr=False)


def read_old_cards(text: str, now: int) -> tuple[list[OldCard], list[Finding]]:
    """The rows of a file, and everything that is wrong with it; `now` in ms UTC."""
    lines = text.removeprefix("\ufeff").splitlines()
    reader = csv.DictReader(lines, strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
    except csv.Error as unread:
        return [], [Finding("line 1", str(unread), "CSV")]
    twice = [name for name in COLUMNS if header.count(name) > 1]
    if twice:
        return [], [Finding("line 1", f"{', '.join(twice)} twice", "each column once")]
    missing = [name for name in NEEDED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown:
        said = ",".join(map(_shown, header))
        return [], [Finding("line 1", said, f"the columns {', '.join(COLUMNS)}")]
    reader.fieldnames = header
    cards: list[OldCard] = []
    found: list[Finding] = []
    seen: dict[str, int] = {}
    try:
        for row in reader:
            wrong = list(_wrong(row, reader.line_num, now, seen))
            found += wrong
            if not wrong:
                cards.append(_card(row, reader.line_num))
    except csv.Error as unread:
        found.append(Finding(f"line {reader.line_num}", str(unread), "CSV"))
    if not cards and not found:
        found.append(Finding("line 2", "nothing", "at least one card"))
    if len(cards) > ROWS_MAX:
        found.append(Finding(f"line {ROWS_MAX + 2}", "more cards", f"at most {ROWS_MAX}"))
    return cards, found


def hidden(code: str) -> str:
    """A code as it may be shown; one that may be a PIN instead shows nothing."""
    pin = code.isdigit() and len(code) in PIN_LENGTHS
    return f"…{code[-4:]}" if len(code) > 8 and not pin else "…"


def _wrong(
    row: Mapping[str | None, str | None], line: int, now: int, seen: dict[str, int]
) -> Iterator[Finding]:
    at = f"line {line}, "
    if None in row or any(row.get(name) is None for name in NEEDED):
        yield Finding(f"line {line}", "another number of fields", "as many as the first line has")
        return
    code = normalised(_said(row, "code"))
    if len(code) not in CODE_LENGTHS or not (code.isascii() and code.isalnum()):
        # It may be cut, or have a PIN behind it: its last four may be those of another secret.
        shown = f"… ({len(code)} characters)"
        yield Finding(at + "code", shown, "8 to 40 letters and digits, in groups or not")
    first = seen.setdefault(code, line)
    if first != line:
        yield Finding(at + "code", hidden(code), f"each code once; it is on line {first} too")
    minor = _said(row, "balance_minor")
    if not _counts(minor) or not 0 < int(minor) <= BALANCE_MAX:
        yield Finding(at + "balance_minor", _shown(minor), "minor units, a whole number above 0")
    yield from _wrong_instants(row, at, now)
    pin = _said(row, "pin")
    if pin and not (_counts(pin) and len(pin) in PIN_LENGTHS):
        yield Finding(at + "pin", NOT_SHOWN, "4 to 12 digits, or nothing")


def _wrong_instants(row: Mapping[str | None, str | None], at: str, now: int) -> Iterator[Finding]:
    sold_at, expires_at = _said(row, "sold_at"), _said(row, "expires_at")
    sold = _instant(sold_at)
    if sold is None or sold > now:
        yield Finding(
            at + "sold_at",
            sold_at if sold is not None else _shown(sold_at),
            "an instant of RFC 3339 that is past",
        )
    if expires_at:
        expires = _instant(expires_at)
        if expires is None or expires <= now:
            yield Finding(
                at + "expires_at",
                _shown(expires_at) if expires is None else expires_at,
                "an instant to come, or nothing",
            )


def _card(row: Mapping[str | None, str | None], line: int) -> OldCard:
    expires_at = _said(row, "expires_at")
    return OldCard(
        line=line,
        code=normalised(_said(row, "code")),
        minor=int(_said(row, "balance_minor")),
        sold_at=parse_instant(_said(row, "sold_at")),
        expires_at=parse_instant(expires_at) if expires_at else None,
        pin=_said(row, "pin") or None,
    )


def _said(row: Mapping[str | None, str | None], name: str) -> str:
    return (row.get(name) or "").strip()


def _shown(text: str) -> str:
    return text if text in COLUMNS or _NO_SECRET(text) else NOT_SHOWN


def _counts(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 13


def _instant(text: str) -> int | None:
    try:
        return parse_instant(text)
    except ValueError:
        return None
