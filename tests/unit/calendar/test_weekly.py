"""Maintenance windows: over midnight, over the turn of the week, and on the days when clocks change."""

import datetime as dt

import pytest

from catalog.calendar.weekly import Weekly, next_open
from catalog.platform.time_zones import zone

VANCOUVER, TORONTO, ST_JOHNS = (zone(f"America/{name}") for name in ("Vancouver", "Toronto", "St_Johns"))
SATURDAY, SUNDAY = 6, 7
NIGHT = Weekly(SUNDAY, dt.time(22), dt.time(4))


def utc(written: str) -> dt.datetime:
    return dt.datetime.fromisoformat(written).replace(tzinfo=dt.UTC)


def test_without_windows_nothing_opens() -> None:
    assert next_open([], TORONTO, utc("2027-01-01T00:00")) is None


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2027-01-10T20:59", "2027-01-11T03:00"),
        ("2027-01-11T03:00", "2027-01-11T03:00"),
        ("2027-01-11T08:59", "2027-01-11T08:59"),
        ("2027-01-11T09:00", "2027-01-18T03:00"),
    ],
)
def test_a_window_over_midnight_and_the_turn_of_the_week_opens_and_closes_to_the_minute(at: str, opens: str) -> None:
    assert next_open([NIGHT], TORONTO, utc(at)) == utc(opens)


def test_the_same_window_opens_by_the_clocks_of_each_place() -> None:
    opened = [next_open([NIGHT], rules, utc("2027-07-10T12:00")) for rules in (ST_JOHNS, TORONTO, VANCOUVER)]
    assert opened == [utc("2027-07-12T00:30"), utc("2027-07-12T02:00"), utc("2027-07-12T05:00")]


def test_the_one_that_opens_first_counts() -> None:
    windows = [NIGHT, Weekly(SATURDAY, dt.time(1), dt.time(2))]
    assert next_open(windows, TORONTO, utc("2027-01-08T12:00")) == utc("2027-01-09T06:00")


def test_a_window_that_closes_when_it_opens_lasts_a_day() -> None:
    opens, closes = Weekly(SUNDAY, dt.time(3), dt.time(3)).span(dt.date(2027, 1, 10), TORONTO)
    assert closes - opens == dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("opens_at", "closes_at", "hours"),
    [("01:30", "02:30", 1), ("02:15", "02:45", 0.5), ("01:00", "04:00", 2), ("02:30", "04:00", 0.5)],
)
def test_in_the_night_that_skips_an_hour_a_window_is_there_all_the_same(
    opens_at: str, closes_at: str, hours: float
) -> None:
    window = Weekly(SUNDAY, dt.time.fromisoformat(opens_at), dt.time.fromisoformat(closes_at))
    for day, rules in ((dt.date(2025, 3, 9), VANCOUVER), (dt.date(2027, 3, 14), TORONTO)):
        opens, closes = window.span(day, rules)
        assert closes - opens == dt.timedelta(hours=hours)


@pytest.mark.parametrize(("opens_at", "closes_at", "hours"), [("01:15", "01:45", 1.5), ("00:30", "03:00", 3.5)])
def test_an_hour_that_comes_twice_is_within_its_window_both_times(opens_at: str, closes_at: str, hours: float) -> None:
    window = Weekly(SUNDAY, dt.time.fromisoformat(opens_at), dt.time.fromisoformat(closes_at))
    for day, rules in ((dt.date(2025, 11, 2), VANCOUVER), (dt.date(2027, 11, 7), ST_JOHNS)):
        opens, closes = window.span(day, rules)
        assert closes - opens == dt.timedelta(hours=hours)
