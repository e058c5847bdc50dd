"""Until when an instance is wanted: an academic term of Canada's calendar, or a day."""

import datetime as dt
from collections.abc import Mapping
from typing import Literal

import msgspec

from catalog.platform.i18n import Text

LONGEST_YEARS = 5
LONGEST_EXTENSION_YEARS = 1
Season = Literal["winter", "summer", "fall"]

# The last day of each term (month, day), the same for the whole co-op.
ENDS: Mapping[Season, tuple[int, int]] = {"winter": (4, 30), "summer": (8, 31), "fall": (12, 31)}

NAMES: Mapping[Season, Text] = {
    "winter": Text(en="Winter {year}", fr="Hiver {year}"),
    "summer": Text(en="Summer {year}", fr="Été {year}"),
    "fall": Text(en="Fall {year}", fr="Automne {year}"),
}


class Term(msgspec.Struct, frozen=True):
    """A term of one year; written as `2027-winter`."""

    year: int
    season: Season

    @property
    def last_day(self) -> dt.date:
        """The day with which the term ends."""
        month, day = ENDS[self.season]
        return dt.date(self.year, month, day)

    @property
    def name(self) -> Text:
        """What people call it."""
        return NAMES[self.season].filled(year=self.year)


def term(written: str) -> Term | None:
    """Read `2027-winter`; none where it is no term."""
    year, _, season = written.partition("-")
    if len(year) != len("2027") or not (year.isascii() and year.isdecimal()) or int(year) < dt.MINYEAR:
        return None
    for known in ENDS:
        if season == known:
            return Term(int(year), known)
    return None


def latest_end(today: dt.date) -> dt.date:
    """Give the last day that may be asked for today."""
    return _years_after(today, LONGEST_YEARS)


def latest_extension(today: dt.date) -> dt.date:
    """Give the last day to which an instance may be extended today."""
    return _years_after(today, LONGEST_EXTENSION_YEARS)


def next_term_end(after: dt.date) -> dt.date:
    """Give the last day of the term in which the day after `after` lies."""
    days = (Term(after.year + ahead, season).last_day for ahead in (0, 1) for season in ENDS)
    return min(day for day in days if day > after)


def _years_after(today: dt.date, years: int) -> dt.date:
    year = today.year + years
    if (today.month, today.day) == (2, 29):
        return dt.date(year, 2, 28)
    return today.replace(year=year)
