"""Local clocks: hours that do not exist, hours that come twice, and provinces that ended the change."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from catalog.platform.local_time import first_moment, last_moment, next_daily
from catalog.platform.provinces import PROVINCES
from catalog.platform.time_zones import ZONES, default_zone, zone

VANCOUVER, TORONTO, ST_JOHNS = (zone(f"America/{name}") for name in ("Vancouver", "Toronto", "St_Johns"))


def utc(written: str) -> dt.datetime:
    return dt.datetime.fromisoformat(written).replace(tzinfo=dt.UTC)


def test_every_province_has_zones_whose_rules_are_known() -> None:
    assert set(ZONES) == set(PROVINCES)
    for names in ZONES.values():
        for name in names:
            assert zone(name).key == name
    assert default_zone("QC") == "America/Toronto"


def test_where_the_law_ended_the_change_of_clocks_winter_keeps_the_time_of_summer() -> None:
    for name, hours in (("Vancouver", -7), ("Edmonton", -6), ("Toronto", -5)):
        december = dt.datetime(2026, 12, 1, tzinfo=zone(f"America/{name}"))
        assert december.utcoffset() == dt.timedelta(hours=hours)


@pytest.mark.parametrize(
    ("rules", "day", "moment"),
    [
        (VANCOUVER, "2025-03-09", "2025-03-09T10:30"),
        (TORONTO, "2027-03-14", "2027-03-14T07:30"),
        (ST_JOHNS, "2027-03-14", "2027-03-14T06:00"),
    ],
)
def test_a_time_that_does_not_exist_comes_as_long_after_the_skip(rules: ZoneInfo, day: str, moment: str) -> None:
    for found in (first_moment, last_moment):
        assert found(dt.date.fromisoformat(day), dt.time(2, 30), rules) == utc(moment)


@pytest.mark.parametrize(
    ("rules", "day", "first", "last"),
    [
        (VANCOUVER, "2025-11-02", "2025-11-02T08:30", "2025-11-02T09:30"),
        (TORONTO, "2027-11-07", "2027-11-07T05:30", "2027-11-07T06:30"),
        (ST_JOHNS, "2027-11-07", "2027-11-07T04:00", "2027-11-07T05:00"),
    ],
)
def test_a_time_that_comes_twice_has_a_first_and_a_last_moment(
    rules: ZoneInfo, day: str, first: str, last: str
) -> None:
    date = dt.date.fromisoformat(day)
    assert first_moment(date, dt.time(1, 30), rules) == utc(first)
    assert last_moment(date, dt.time(1, 30), rules) == utc(last)


@pytest.mark.parametrize("rules", [VANCOUVER, TORONTO, ST_JOHNS])
@pytest.mark.parametrize("time", [dt.time(0), dt.time(1, 30), dt.time(2, 30), dt.time(23, 59, 59)])
def test_what_is_daily_comes_once_on_every_day_of_the_years(rules: ZoneInfo, time: dt.time) -> None:
    at, days = utc("2025-01-01T12:00"), []
    while at < utc("2027-12-31T00:00"):
        at = next_daily(time, rules, at)
        days.append(at.astimezone(rules).date())
    assert days == [days[0] + dt.timedelta(days=count) for count in range(len(days))]
