"""Banking days, cut-offs and deadlines."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.settlement import calendar

NEW_YORK = "America/New_York"


def local(*parts: int) -> datetime:
    """An instant by New York's clock, as the system keeps it: in UTC."""
    naive = datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001
    return naive.replace(tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)


@pytest.mark.parametrize(
    ("built_at", "effective"),
    [
        (local(2026, 11, 20, 16, 14, 59), date(2026, 11, 23)),
        (local(2026, 11, 20, 16, 15, 0), date(2026, 11, 23)),
        (local(2026, 11, 20, 16, 15, 0, 1), date(2026, 11, 24)),
        (local(2026, 11, 20, 16, 15, 1), date(2026, 11, 24)),
        (local(2026, 11, 20, 16, 16), date(2026, 11, 24)),
        (local(2026, 7, 2, 14, 0), date(2026, 7, 3)),
        (local(2026, 11, 21, 9, 0), date(2026, 11, 24)),
        (local(2026, 11, 22, 23, 59), date(2026, 11, 24)),
        (local(2026, 11, 25, 12, 0), date(2026, 11, 27)),
        (local(2026, 11, 26, 12, 0), date(2026, 11, 30)),
        (local(2026, 12, 31, 12, 0), date(2027, 1, 4)),
        (local(2026, 3, 6, 12, 0), date(2026, 3, 9)),
    ],
)
def test_a_file_settles_one_banking_day_after_the_bank_takes_it(
    built_at: datetime, effective: date
) -> None:
    assert calendar.effective_entry_date(built_at, "16:15", NEW_YORK) == effective


def test_the_cut_off_is_by_the_banks_clock_not_by_utc() -> None:
    instant = datetime(2026, 5, 12, 21, 0, tzinfo=UTC)  # 17:00 in New York, 14:00 in Los Angeles
    assert calendar.effective_entry_date(instant, "16:15", NEW_YORK) == date(2026, 5, 14)
    assert calendar.effective_entry_date(instant, "16:15", "America/Los_Angeles") == date(
        2026, 5, 13
    )


def test_an_instant_without_a_time_zone_is_refused() -> None:
    zoneless = datetime(2026, 5, 12, 12, 0)  # noqa: DTZ001
    with pytest.raises(ValueError, match="names no time zone"):
        calendar.effective_entry_date(zoneless, "16:15", NEW_YORK)


@pytest.mark.parametrize("cutoff", ["24:00", "16:60", "4:15", "1615", "16:15:00", "", "१६:१५"])
def test_a_cut_off_that_is_not_a_time_of_day_is_refused(cutoff: str) -> None:
    with pytest.raises(ValueError, match="is not HH:MM"):
        calendar.cutoff_time(cutoff)


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        (date(2026, 7, 3), True),  # the holiday is Saturday the 4th, and is not moved to Friday
        (date(2026, 6, 19), False),
        (date(2026, 11, 26), False),
        (date(2026, 11, 27), True),
        (date(2021, 12, 24), True),  # Christmas on a Saturday
        (date(2027, 7, 5), False),  # Independence Day on a Sunday is kept on Monday
        (date(2026, 5, 9), False),
    ],
)
def test_banking_days_are_those_of_the_federal_reserve(day: date, is_open: bool) -> None:
    assert calendar.is_banking_day(day) is is_open


def test_returns_come_until_the_second_banking_day_after_settlement_has_ended() -> None:
    assert calendar.return_deadline(date(2026, 11, 24)) == date(2026, 11, 27)
    end = calendar.return_window_end(date(2026, 11, 24), NEW_YORK)
    assert end == datetime(2026, 11, 28, 5, 0, tzinfo=UTC)


def test_entries_settle_at_midnight_of_the_bank_on_both_sides_of_a_clock_change() -> None:
    winter = calendar.settlement_instant(date(2026, 3, 6), NEW_YORK)
    summer = calendar.settlement_instant(date(2026, 3, 9), NEW_YORK)
    assert winter == datetime(2026, 3, 6, 5, 0, tzinfo=UTC)
    assert summer == datetime(2026, 3, 9, 4, 0, tzinfo=UTC)


def test_deadlines_count_banking_days() -> None:
    assert calendar.reversal_deadline(date(2026, 11, 20)) == date(2026, 11, 30)
    assert calendar.correction_deadline(date(2026, 11, 20)) == date(2026, 12, 1)
    assert calendar.prenote_clear_date(date(2026, 11, 24)) == date(2026, 11, 30)
    assert calendar.return_deadline_extended(date(2026, 5, 13)) == date(2026, 7, 12)


@pytest.mark.parametrize("count", [0, -1])
def test_counting_fewer_than_one_banking_day_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        calendar.banking_day_after(date(2026, 5, 12), count)


def test_no_banking_day_is_skipped_or_counted_twice_over_ten_years() -> None:
    day = date(2025, 12, 31)
    counted = []
    while day.year < 2036:
        day = calendar.banking_day_after(day, 1)
        counted.append(day)
    every = (date(2026, 1, 1) + timedelta(days=n) for n in range((day - date(2025, 12, 31)).days))
    assert counted == [d for d in every if calendar.is_banking_day(d)]
    assert 2500 <= len(counted) <= 2520
