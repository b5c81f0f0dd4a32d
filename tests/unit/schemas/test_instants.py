"""Instants are milliseconds; only RFC 3339 with an offset is one."""

import pytest

from schemas.instants import (
    CALENDAR_LAST,
    day_after,
    days_after,
    end_of_day,
    format_instant,
    local_date,
    parse_instant,
    start_of_day,
    years_after,
)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.1Z", 100),
        ("1970-01-01T00:00:00.1239Z", 123),
        ("1970-01-01 00:00:01+00:00", 1000),
        ("1970-01-01T05:30:00+05:30", 0),
        ("1969-12-31T19:00:00-05:00", 0),
        ("2999-12-31T23:59:59.999z", 32_503_679_999_999),
    ],
)
def test_an_instant_is_read_to_the_millisecond(text: str, instant: int) -> None:
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-05-01",
        "2026-05-01T10:00:00",
        "2026-05-01T10:00Z",
        "20260501T100000Z",
        "2026-02-29T10:00:00Z",
        "2026-05-01T24:00:00Z",
        "2026-05-01T10:00:60Z",
        "2026-05-01T10:00:00+99:00",
        "2026-05-01T10:00:00,5Z",
        "２026-05-01T10:00:00Z",
        "3000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        " 2026-05-01T10:00:00Z",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


def test_an_instant_reads_as_it_was_written() -> None:
    for instant in (0, 1, 999, 1_777_644_000_123, 32_503_679_999_999):
        assert parse_instant(format_instant(instant)) == instant


def test_a_day_is_the_places_own_also_when_clocks_change() -> None:
    new_york = "America/New_York"
    assert local_date(parse_instant("2026-05-01T03:59:59Z"), new_york) == "2026-04-30"
    assert local_date(parse_instant("2026-05-01T04:00:00Z"), new_york) == "2026-05-01"
    short = end_of_day("2026-03-08", new_york) - start_of_day("2026-03-08", new_york)
    long = end_of_day("2026-11-01", new_york) - start_of_day("2026-11-01", new_york)
    assert (short, long) == (23 * 3_600_000, 25 * 3_600_000)


def test_years_after_a_leap_day_is_the_first_of_march() -> None:
    leap = parse_instant("2028-02-29T12:00:00Z")
    assert format_instant(years_after(leap, 5)) == "2033-03-01T12:00:00.000Z"
    assert format_instant(years_after(leap, 4)) == "2032-02-29T12:00:00.000Z"


def test_days_at_the_ends_of_the_calendar_begin_and_end_within_it() -> None:
    for zone in ("Pacific/Kiritimati", "UTC", "America/New_York"):
        for day in ("0001-01-01", "9999-12-30", "9999-12-31"):
            begin, end = start_of_day(day, zone), end_of_day(day, zone)
            assert begin < end
            assert format_instant(end)
    assert day_after("9999-12-31") == "9999-12-31"
    assert start_of_day("2026-02-30", "UTC") == start_of_day("2026-02-28", "UTC")
    assert years_after(0, 10**18) == days_after(0, 10**18) == CALENDAR_LAST
