"""Record 7, the addenda: 05 remittance text from us, 98 a correction and 99 a return from banks."""

from dataclasses import dataclass, field

from schemas.bank_text import NachaError
from services.settlement.nacha.columns import (
    alphanumeric,
    digits,
    full_width,
    numeric,
    read_number,
    read_text,
    require_blank,
    require_kind,
)


@dataclass(frozen=True, slots=True)
class Addenda05:
    """Up to 80 characters of remittance text; `entry` is the last seven digits of its trace."""

    text: str
    entry: int
    sequence: int = 1


@dataclass(frozen=True, slots=True)
class Addenda98:
    """A notification of change: `corrected` is laid out by its code (see corrections.py)."""

    change_code: str
    original_trace: str
    original_rdfi: str
    corrected: str = field(repr=False)
    trace: str


@dataclass(frozen=True, slots=True)
class Addenda99:
    """A return: why, of which of our entries, and at which bank (eight digits) that entry was."""

    return_code: str
    original_trace: str
    original_rdfi: str
    trace: str
    date_of_death: str = ""
    text: str = ""


Addenda = Addenda05 | Addenda98 | Addenda99


def render(addenda: Addenda) -> str:
    """The record in 94 columns."""
    match addenda:
        case Addenda05():
            return full_width(
                "705"
                + alphanumeric(addenda.text, 80, "payment related information")
                + numeric(addenda.sequence, 4, "addenda sequence number")
                + numeric(addenda.entry, 7, "entry detail sequence number")
            )
        case Addenda98():
            return full_width(
                "798"
                + _reason(addenda.change_code, "C")
                + digits(addenda.original_trace, 15, "original trace number")
                + " " * 6
                + digits(addenda.original_rdfi, 8, "original receiving DFI")
                + alphanumeric(addenda.corrected, 29, "corrected data")
                + " " * 15
                + digits(addenda.trace, 15, "trace number")
            )
        case Addenda99():
            return full_width(
                "799"
                + _reason(addenda.return_code, "R")
                + digits(addenda.original_trace, 15, "original trace number")
                + alphanumeric(addenda.date_of_death, 6, "date of death")
                + digits(addenda.original_rdfi, 8, "original receiving DFI")
                + alphanumeric(addenda.text, 44, "addenda information")
                + digits(addenda.trace, 15, "trace number")
            )


def parse(line: str) -> Addenda:
    """The value of an addenda record of one of the three known kinds."""
    require_kind(line, "7", "addenda")
    match line[1:3]:
        case "05":
            return Addenda05(
                text=read_text(line, 4, 83),
                sequence=read_number(line, 84, 87, "addenda sequence number"),
                entry=read_number(line, 88, 94, "entry detail sequence number"),
            )
        case "98":
            return _parse_change(line)
        case "99":
            return Addenda99(
                return_code=_reason(line[3:6], "R"),
                original_trace=digits(line[6:21], 15, "original trace number"),
                date_of_death=read_text(line, 22, 27),
                original_rdfi=digits(line[27:35], 8, "original receiving DFI"),
                text=read_text(line, 36, 79),
                trace=digits(line[79:94], 15, "trace number"),
            )
        case other:
            raise NachaError("addenda type code", f"{other!r} is not 05, 98 or 99")


def _parse_change(line: str) -> Addenda98:
    require_blank(line, 22, 27, "notification of change")
    require_blank(line, 65, 79, "notification of change")
    return Addenda98(
        change_code=_reason(line[3:6], "C"),
        original_trace=digits(line[6:21], 15, "original trace number"),
        original_rdfi=digits(line[27:35], 8, "original receiving DFI"),
        corrected=read_text(line, 36, 64),
        trace=digits(line[79:94], 15, "trace number"),
    )


def _reason(code: str, letter: str) -> str:
    if len(code) != 3 or code[0] != letter:
        raise NachaError("reason code", f"{code!r} is not {letter} and two digits")
    digits(code[1:], 2, "reason code")
    return code
