"""Banking days and what hangs on them: effective dates, return windows, deadlines.

Closed are weekends and the days the Federal Reserve closes. A holiday on a Saturday is not kept on
the Friday before; one on a Sunday is kept on the Monday after. Other calendars close those Fridays.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

RETURN_BANKING_DAYS = 2
RETURN_CALENDAR_DAYS_EXTENDED = 60
REVERSAL_BANKING_DAYS = 5
CORRECTION_BANKING_DAYS = 6
PRENOTE_BANKING_DAYS = 3

_CLOSED = holidays.financial_holidays("FED")
_CUTOFF = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_SATURDAY = 5


def is_banking_day(day: date) -> bool:
    """True when the Federal Reserve settles on that date.

    >>> is_banking_day(date(2026, 7, 3)), is_banking_day(date(2026, 11, 26))
    (True, False)
    """
    return day.weekday() < _SATURDAY and day not in _CLOSED


def banking_day_after(day: date, count: int) -> date:
    """The `count`-th banking day after a date, which itself may be any; `count` is at least 1.

    >>> banking_day_after(date(2026, 11, 24), 2)
    datetime.date(2026, 11, 27)
    """
    if count < 1:
        raise ValueError(f"count is {count}, must be at least 1")
    while count:
        day += timedelta(days=1)
        if is_banking_day(day):
            count -= 1
    return day


def effective_entry_date(built_at: datetime, cutoff: str, timezone: str) -> date:
    """The day a file built at this instant asks the bank to settle on: never the same day.

    The bank takes the file on the date of `built_at` in its own time if that is a banking day and
    the `cutoff` (HH:MM) has not passed, else on the next banking day; it settles one banking day
    later. The cut-off is an instant, and at that instant one is still in time: 16:15:00 is, a
    microsecond later is not.
    """
    local = bank_time(built_at, timezone)
    taken = local.date()
    if not is_banking_day(taken) or local.time() > cutoff_time(cutoff):
        taken = banking_day_after(taken, 1)
    return banking_day_after(taken, 1)


def bank_time(instant: datetime, timezone: str) -> datetime:
    """An instant on the bank's clock; an instant without its own zone is refused."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} names no time zone, so it is no instant")
    return instant.astimezone(ZoneInfo(timezone))


def cutoff_time(cutoff: str) -> time:
    """The time of day that HH:MM names."""
    if not (match := _CUTOFF.fullmatch(cutoff)):
        raise ValueError(f"cut-off {cutoff!r} is not HH:MM from 00:00 to 23:59")
    return time(int(match[1]), int(match[2]))


def settlement_instant(effective: date, timezone: str) -> datetime:
    """When entries of this effective date count as settled: 00:00 bank time, given in UTC."""
    return datetime.combine(effective, time(), ZoneInfo(timezone)).astimezone(UTC)


def return_deadline(effective: date) -> date:
    """The last date on which a bank returns a corporate entry: two banking days after settlement.

    >>> return_deadline(date(2026, 11, 24))
    datetime.date(2026, 11, 27)
    """
    return banking_day_after(effective, RETURN_BANKING_DAYS)


def return_deadline_extended(effective: date) -> date:
    """The last date for returns that deny an authorisation: 60 calendar days after settlement."""
    return effective + timedelta(days=RETURN_CALENDAR_DAYS_EXTENDED)


def return_window_end(effective: date, timezone: str) -> datetime:
    """The instant (UTC) at which the second banking day after settlement has ended."""
    return settlement_instant(return_deadline(effective) + timedelta(days=1), timezone)


def reversal_deadline(effective: date) -> date:
    """The last date on which a reversal may reach the receiver's bank."""
    return banking_day_after(effective, REVERSAL_BANKING_DAYS)


def correction_deadline(received: date) -> date:
    """The date by which a notification of change is to be applied."""
    return banking_day_after(received, CORRECTION_BANKING_DAYS)


def prenote_clear_date(effective: date) -> date:
    """The first date on which a prenoted account may be paid, if nothing came back."""
    return banking_day_after(effective, PRENOTE_BANKING_DAYS)
