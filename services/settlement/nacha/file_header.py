"""Record 1, the file header: who sends the file to whom, when, and which of the day it is."""

from dataclasses import dataclass
from datetime import date

from schemas.bank_text import NachaError, is_digits
from services.settlement.nacha.columns import (
    alphanumeric,
    full_width,
    read_date,
    read_text,
    require_kind,
    right_justified,
    short_date,
)

MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

# Record size, blocking factor and format code have had one value each since the format exists.
_FORMAT = "094101"


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Destination is the bank's routing number, origin the ten characters the bank assigned.

    `created` and `time` (HHMM, or empty) are in the bank's time zone.
    """

    destination: str
    origin: str
    created: date
    time: str
    modifier: str
    destination_name: str = ""
    origin_name: str = ""
    reference: str = ""


def modifier_after(files_today: int) -> str:
    """The file id modifier when `files_today` files have gone before: A to Z, then 0 to 9.

    The 37th file of one origin, destination and day has no modifier and is an error.

    >>> modifier_after(0), modifier_after(35)
    ('A', '9')
    """
    if not 0 <= files_today < len(MODIFIERS):
        raise NachaError(
            "file id modifier", f"at most {len(MODIFIERS)} files a day can be told apart"
        )
    return MODIFIERS[files_today]


def render(header: FileHeader) -> str:
    """The record in 94 columns."""
    if header.time and not _is_time(header.time):
        raise NachaError("file creation time", f"{header.time!r} is not HHMM")
    return full_width(
        "101"
        + right_justified(header.destination, 10, "immediate destination")
        + right_justified(header.origin, 10, "immediate origin")
        + short_date(header.created, "file creation date")
        + header.time.ljust(4)
        + _one_character(header.modifier)
        + _FORMAT
        + alphanumeric(header.destination_name, 23, "immediate destination name")
        + alphanumeric(header.origin_name, 23, "immediate origin name")
        + alphanumeric(header.reference, 8, "reference code")
    )


def parse(line: str) -> FileHeader:
    """The value of a file header record."""
    require_kind(line, "101", "file header")
    if line[34:40] != _FORMAT:
        raise NachaError("record format", f"{line[34:40]!r} instead of {_FORMAT!r}")
    created = read_date(line, 24, 29, "file creation date")
    if created is None:
        raise NachaError("file creation date", "is missing")
    time = read_text(line, 30, 33)
    if time and not _is_time(time):
        raise NachaError("file creation time", f"{time!r} is not HHMM")
    return FileHeader(
        destination=line[3:13].strip(" "),
        origin=line[13:23].strip(" "),
        created=created,
        time=time,
        modifier=_one_character(line[33]),
        destination_name=read_text(line, 41, 63),
        origin_name=read_text(line, 64, 86),
        reference=read_text(line, 87, 94),
    )


def _is_time(value: str) -> bool:
    return len(value) == 4 and is_digits(value) and value[:2] < "24" and value[2:] < "60"


def _one_character(modifier: str) -> str:
    if len(modifier) != 1 or modifier not in MODIFIERS:
        raise NachaError("file id modifier", f"{modifier!r} is not one of A-Z, 0-9")
    return modifier
