"""Instants are integer milliseconds since 1970 UTC; dates are ISO days in a named timezone."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, WithJsonSchema

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_USUAL: Final = len("2026-05-01T14:00:00.000Z")
INSTANT_END: Final = 32_503_680_000_000  # 3000-01-01: keeps every later sum within a datetime

INTEGER_MAX: Final = 2**63 - 1  # of what JSON and PostgreSQL keep
CALENDAR_LAST: Final = 253_402_300_799_999  # the end of 9999, after which nothing can be written

_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d):([0-5]\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch


def parse_instant(text: str) -> int:
    """RFC 3339 with an offset, 1970 to 2999 → milliseconds UTC; ValueError for anything else."""
    if len(text) == _USUAL and text[23] == "Z" and text[19] == "." and text[20:23].isdecimal():
        # As most senders write it, and we ourselves: only the second is worth remembering.
        return _whole_second(text[:19]) + int(text[20:23])
    return _parse(text)


@lru_cache(maxsize=4096)
def _whole_second(text: str) -> int:
    return _parse(text + "Z")


def _parse(text: str) -> int:
    parts = _RFC_3339(text)
    if parts is None:
        raise ValueError(f"{text[:40]!r} is not RFC 3339 with an offset (…Z or …-04:00)")
    minute, second, fraction, offset = parts.groups()
    milliseconds = int((fraction or ".0")[1:4].ljust(3, "0"))
    instant = _minute(minute, offset) + int(second) * SECOND + milliseconds
    if not 0 <= instant < INSTANT_END:
        raise ValueError(f"{text[:40]!r} is not within the years 1970 to 2999")
    return instant


@lru_cache(maxsize=4096)
def _minute(minute: str, offset: str) -> int:
    moment = datetime.fromisoformat(minute + offset.replace("z", "Z"))
    return int((moment - _EPOCH) // timedelta(milliseconds=1))


def format_instant(instant: int) -> str:
    """Milliseconds UTC → RFC 3339 with milliseconds and Z."""
    second, milliseconds = divmod(instant, SECOND)
    return f"{_second(second)}.{milliseconds:03d}Z"


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    """The calendar is asked once a second, not once a fact (2 µs a fact)."""
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The named timezone; ZoneInfoNotFoundError if there is none."""
    return ZoneInfo(name)


@lru_cache(maxsize=8192)
def _local_date_of_minute(minute: int, timezone: str) -> str:
    return datetime.fromtimestamp(minute * 60, zone(timezone)).date().isoformat()


def local_date(instant: int, timezone: str) -> str:
    """The ISO day of an instant in a timezone (all offsets in use are whole minutes)."""
    return _local_date_of_minute(instant // MINUTE, timezone)


def day_after(day: str) -> str:
    """The next ISO day; the calendar's last has none and stays."""
    nearest = _nearest_day(day)
    return nearest.isoformat() if nearest == date.max else (nearest + _A_DAY).isoformat()


def start_of_day(day: str, timezone: str) -> int:
    """The instant at which an ISO day begins in a timezone; of no day, the nearest there is."""
    midnight = datetime.combine(_nearest_day(day), datetime.min.time(), zone(timezone))
    try:
        return int((midnight - _EPOCH) // timedelta(milliseconds=1))
    except OverflowError:  # east of Greenwich the calendar's first day begins before it
        return _CALENDAR_FIRST


def end_of_day(day: str, timezone: str) -> int:
    """The first instant after an ISO day in a timezone, as far as the calendar goes."""
    if _nearest_day(day) == date.max:
        return CALENDAR_LAST
    return min(start_of_day(day_after(day), timezone), CALENDAR_LAST)


def days_after(instant: int, days: int) -> int:
    """So many times 24 hours later, as far as the calendar goes."""
    return min(instant + days * DAY, CALENDAR_LAST)


def _nearest_day(day: str) -> date:
    """The ISO day, or where the calendar has no such day (2026-02-30) the nearest it has."""
    try:
        return date.fromisoformat(day)
    except ValueError:
        year, month, number = (int(part) for part in day.split("-"))
        year, month = max(year, 1), min(max(month, 1), 12)
        return date(year, month, min(max(number, 1), monthrange(year, month)[1]))


def years_after(instant: int, years: int) -> int:
    """The same UTC calendar moment `years` later (29 February becomes 1 March), if there is one."""
    moment = _EPOCH + timedelta(milliseconds=instant)
    if moment.year + years > date.max.year:
        return CALENDAR_LAST
    try:
        later = moment.replace(year=moment.year + years)
    except ValueError:
        later = moment.replace(year=moment.year + years, month=3, day=1)
    return int((later - _EPOCH) // timedelta(milliseconds=1))


def _instant_of_wire(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("an instant is RFC 3339 text, like 2026-05-01T10:00:00-04:00")
    return parse_instant(value)


Instant = Annotated[
    int,
    BeforeValidator(_instant_of_wire),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CALENDAR_FIRST: Final = -62_135_596_800_000
_A_DAY: Final = timedelta(days=1)
