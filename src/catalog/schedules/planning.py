"""What is due for an instance, and when: pure, so that the same instance at the same moment always gets the same."""

import datetime as dt
from collections.abc import Iterator
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from catalog.platform.local_time import first_moment, next_daily

Task = Literal["verify", "backup", "notice", "suspend", "deprovision"]
"""`notice` tells people that the last day comes near; the others are runs' actions."""

REMOVABLE = frozenset({"running", "suspended", "failed"})
"""The states in which an instance can be removed, and be purged when the grace time is over."""

RECURRING: frozenset[str] = frozenset({"verify", "backup"})

NOTICE_DAYS = (60, 14)
"""How many days before the last one people are told, first and last."""
ENDED = 0

_NOTICE_AT = dt.time(8)
_MIDNIGHT = dt.time()
_DAY = dt.timedelta(days=1)
_DAY_SECONDS = 24 * 3600
_HOUR_SECONDS = 3600


class Facts(NamedTuple):
    """What decides.

    `noticed`: the days of the notices that were given about `ends_on`. `removing`: a removal stands. `purge_at`: when
    it is to be purged, where that has not begun.
    """

    instance_id: UUID
    state: str
    zone: ZoneInfo
    backup_hour: int | None
    ends_on: dt.date | None
    noticed: frozenset[int]
    removing: bool
    purge_at: dt.datetime | None


def wanted(facts: Facts, now: dt.datetime) -> dict[Task, dt.datetime]:
    """Give what is due and when, seen from `now` (timezone-aware)."""
    return dict(_wanted(facts, now))


def _wanted(facts: Facts, now: dt.datetime) -> Iterator[tuple[Task, dt.datetime]]:
    if facts.state == "running":
        yield "verify", next_verify(facts.instance_id, now)
        if facts.backup_hour is not None:
            yield "backup", next_backup(facts.instance_id, facts.backup_hour, facts.zone, now)
        if facts.ends_on is not None and not facts.removing:
            yield from _of_the_end(facts, facts.ends_on, now)
    if facts.purge_at is not None and facts.state in REMOVABLE:
        yield "deprovision", facts.purge_at


def next_verify(instance_id: UUID, after: dt.datetime) -> dt.datetime:
    """Give the next moment at which an instance is verified: at a second of the day that its id decides."""
    midnight = dt.datetime.combine(after.astimezone(dt.UTC).date(), _MIDNIGHT, dt.UTC)
    moment = midnight + dt.timedelta(seconds=instance_id.int % _DAY_SECONDS)
    return moment if moment > after else moment + _DAY


def next_backup(instance_id: UUID, hour: int, zone: ZoneInfo, after: dt.datetime) -> dt.datetime:
    """Give the next moment at which an instance is backed up: within `hour` by its site's clocks, as its id decides."""
    minute, second = divmod(instance_id.int % _HOUR_SECONDS, 60)
    return next_daily(dt.time(hour, minute, second), zone, after)


def due_notice(ends_on: dt.date, noticed: frozenset[int], zone: ZoneInfo, now: dt.datetime) -> int | None:
    """Give the notice that is to be given next or now, by its days; a later one makes up for those that were missed."""
    if now >= end_of(ends_on, zone):
        return None
    following = None
    for days in sorted(NOTICE_DAYS):
        if days in noticed:
            return following
        if now >= _notice_at(ends_on, days, zone):
            return days
        following = days
    return following


def end_of(ends_on: dt.date, zone: ZoneInfo) -> dt.datetime:
    """Give the moment at which the last day is over where the instance stands."""
    return first_moment(ends_on + _DAY, _MIDNIGHT, zone)


def _of_the_end(facts: Facts, ends_on: dt.date, now: dt.datetime) -> Iterator[tuple[Task, dt.datetime]]:
    if ENDED not in facts.noticed:
        yield "suspend", end_of(ends_on, facts.zone)
    days = due_notice(ends_on, facts.noticed, facts.zone, now)
    if days is not None:
        yield "notice", _notice_at(ends_on, days, facts.zone)


def _notice_at(ends_on: dt.date, days: int, zone: ZoneInfo) -> dt.datetime:
    return first_moment(ends_on - _DAY * days, _NOTICE_AT, zone)
