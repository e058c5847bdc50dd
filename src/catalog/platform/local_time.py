"""Local wall-clock times as moments in UTC, through the hours that do not exist or exist twice."""

import datetime as dt
from zoneinfo import ZoneInfo

_DAY = dt.timedelta(days=1)


def first_moment(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """Give the moment when clocks first show `time` on `day`; where they skip it, as long after the skip."""
    return dt.datetime.combine(day, time.replace(fold=0), zone).astimezone(dt.UTC)


def last_moment(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """Give the moment when clocks last show `time` on `day`; where they skip it, as long after the skip."""
    again = dt.datetime.combine(day, time.replace(fold=1), zone).astimezone(dt.UTC)
    return max(first_moment(day, time, zone), again)


def next_daily(time: dt.time, zone: ZoneInfo, after: dt.datetime) -> dt.datetime:
    """Give the next moment after `after` (timezone-aware) at which a day's `time` comes: once on every day."""
    day = after.astimezone(zone).date() - _DAY
    while (moment := first_moment(day, time, zone)) <= after:
        day += _DAY
    return moment
