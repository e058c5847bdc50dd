"""Ids: UUIDv7 (RFC 9562, section 5.7), so that they sort by the time at which they were made."""

import datetime as dt
from uuid import UUID

from uuid_utils.compat import uuid7

_RANDOM_BITS = 80


def new_id() -> UUID:
    """Make an id that no other process makes."""
    return uuid7()


def first_id_at(moment: dt.datetime) -> UUID:
    """Give the smallest UUIDv7 of `moment` (timezone-aware): a bound for ranges of ids by time."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << _RANDOM_BITS)


def instance_key(instance_id: UUID) -> str:
    """Give the instance's short name, safe as a Unix user, a unit and a folder: `i` and the last 12 hex digits."""
    return f"i{instance_id.hex[-12:]}"
