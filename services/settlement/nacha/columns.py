"""Writes and reads the fixed columns of a record: numbers right, texts left, nothing ever cut.

Positions are those of the NACHA tables: counted from 1, both ends included.
"""

from datetime import date

from schemas.bank_text import NachaError, is_digits, require_printable

WIDTH = 94


def numeric(value: int, width: int, field: str) -> str:
    """Zero-filled digits; a negative number or one that does not fit is an error.

    >>> numeric(42, 5, "count")
    '00042'
    """
    if value < 0:
        raise NachaError(field, f"{value} is negative")
    digits = str(value)
    if len(digits) > width:
        raise NachaError(field, f"{value} has more than {width} digits")
    return digits.rjust(width, "0")


def alphanumeric(value: str, width: int, field: str) -> str:
    """Printable ASCII, left-justified, filled with blanks; longer text is an error, never cut.

    >>> alphanumeric("CCD", 5, "class")
    'CCD  '
    """
    require_printable(value, field)
    if len(value) > width:
        raise NachaError(field, f"{len(value)} characters, at most {width} fit")
    if value != value.rstrip(" "):
        raise NachaError(field, "ends in a blank, which a reader cannot tell from filling")
    return value.ljust(width, " ")


def digits(value: str, width: int, field: str) -> str:
    """An identifier of exactly `width` digits, as text, because its zeros count."""
    if len(value) != width or not is_digits(value):
        raise NachaError(field, f"{value!r} is not {width} digits")
    return value


def right_justified(value: str, width: int, field: str) -> str:
    """Printable ASCII behind leading blanks, as banks write destination and origin."""
    if value != value.strip(" "):
        raise NachaError(field, "begins or ends in a blank")
    return alphanumeric(value, width, field).strip(" ").rjust(width, " ")


def short_date(value: date | None, field: str) -> str:
    """YYMMDD, or blanks for none; only years 2000 to 2099 have an unambiguous short form."""
    if value is None:
        return " " * 6
    if not 2000 <= value.year <= 2099:
        raise NachaError(field, f"{value} is not of this century")
    return value.strftime("%y%m%d")


def read_number(line: str, first: int, last: int, field: str) -> int:
    """The integer in columns `first` to `last`; blanks and signs are errors."""
    value = line[first - 1 : last]
    if not is_digits(value):
        raise NachaError(field, f"{value!r} is not a number")
    return int(value)


def read_text(line: str, first: int, last: int) -> str:
    """The text in columns `first` to `last` without its filling."""
    return line[first - 1 : last].rstrip(" ")


def read_date(line: str, first: int, last: int, field: str) -> date | None:
    """YYMMDD in columns `first` to `last`; banks send blanks or zeros for none."""
    value = line[first - 1 : last]
    if value in ("      ", "000000"):
        return None
    if not is_digits(value):
        raise NachaError(field, f"{value!r} is not a date YYMMDD")
    try:
        return date(2000 + int(value[:2]), int(value[2:4]), int(value[4:]))
    except ValueError:
        raise NachaError(field, f"{value!r} is not a date YYMMDD") from None


def require_kind(line: str, kind: str, field: str) -> None:
    """Refuses a line of another length or another record kind."""
    if len(line) != WIDTH:
        raise NachaError(field, f"{len(line)} columns instead of {WIDTH}")
    if not line.startswith(kind):
        raise NachaError(field, f"begins with {line[: len(kind)]!r} instead of {kind!r}")


def require_blank(line: str, first: int, last: int, field: str) -> None:
    """Refuses text in reserved columns: it would be lost when the record is written again."""
    if line[first - 1 : last].strip(" "):
        raise NachaError(field, f"columns {first} to {last} are reserved but not blank")


def full_width(record: str) -> str:
    """The record itself; every renderer ends here."""
    assert len(record) == WIDTH, f"a record of {len(record)} columns"
    return record
