"""A time of the week on local clocks: whether it is open, and when it opens next."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from catalog.platform.local_time import first_moment, last_moment

_DAY = dt.timedelta(days=1)
_DAYS_AHEAD = 8


class Weekly(NamedTuple):
    """Opens on `weekday` (1 is Monday) at `opens_at`, closes at `closes_at`: the next day where that is no later."""

    weekday: int
    opens_at: dt.time
    closes_at: dt.time

    def span(self, day: dt.date, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
        """Give the moments at which it opens on `day` and closes; an hour that comes twice is within it both times."""
        closing_day = day if self.closes_at > self.opens_at else day + _DAY
        return first_moment(day, self.opens_at, zone), last_moment(closing_day, self.closes_at, zone)


def next_open(windows: Iterable[Weekly], zone: ZoneInfo, at: dt.datetime) -> dt.datetime | None:
    """Give the first moment from `at` on (timezone-aware) at which one is open; none where there are no windows.

    It is `at` itself while one is open.
    """
    today = at.astimezone(zone).date()
    days = [today + _DAY * ahead for ahead in range(-1, _DAYS_AHEAD)]
    spans = [window.span(day, zone) for window in windows for day in days if day.isoweekday() == window.weekday]
    return min((max(at, opens) for opens, closes in spans if closes > at), default=None)
