"""Time, always in UTC and timezone-aware."""

import datetime as dt


def now() -> dt.datetime:
    """Give the current moment in UTC."""
    return dt.datetime.now(dt.UTC)
