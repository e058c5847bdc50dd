"""What comes in as a window or a freeze, and what the API gives out of them."""

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.calendar.keeping import MOST_REASON
from catalog.calendar.tables import Freeze, MaintenanceWindow
from catalog.calendar.weekly import Weekly
from catalog.platform.http.filters import VISIBLE

WindowScope = Literal["all", "site", "host", "tool", "instance"]
FreezeScope = Literal["all", "site", "host", "tool", "member", "instance"]

Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5, examples=["22:00"])]
TargetIn = Annotated[
    str,
    Meta(
        max_length=253,
        pattern=VISIBLE,
        description="A site’s slug, a host’s name, a tool’s slug, a member’s alias (freezes alone), an instance’s"
        " hostname or id; none for `all`.",
        examples=["vancouver"],
    ),
]


class WindowIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time of the week in which what is scheduled may change things, on the clocks of the instance’s site."""

    scope: WindowScope
    weekday: Annotated[int, Meta(ge=1, le=7, description="On which it opens: 1 is Monday, 7 is Sunday.")]
    opens_at: Clock
    closes_at: Annotated[Clock, Meta(description="On the next day where it is no later than `opens_at`.")]
    target: TargetIn | None = None

    def weekly(self) -> Weekly:
        """Give the time."""
        return Weekly(self.weekday, dt.time.fromisoformat(self.opens_at), dt.time.fromisoformat(self.closes_at))


class WindowOut(msgspec.Struct, frozen=True):
    """A maintenance window. `target` is null for everything, and for a host where a member's person reads it."""

    id: UUID
    scope: str
    target: str | None
    weekday: int
    opens_at: str
    closes_at: str
    made_by: str
    created_at: dt.datetime


class FreezeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time in which nothing may change, such as the weeks of exams."""

    scope: FreezeScope
    starts_at: Annotated[dt.datetime, Meta(tz=True, examples=["2027-04-05T00:00:00-07:00"])]
    ends_at: Annotated[dt.datetime, Meta(tz=True, examples=["2027-04-24T00:00:00-07:00"])]
    reason: Annotated[str, Meta(min_length=1, max_length=MOST_REASON, description="Read by those whose work waits.")]
    target: TargetIn | None = None


class FreezeOut(msgspec.Struct, frozen=True):
    """A freeze. `target` is null for everything, and for a host where a member's person reads it."""

    id: UUID
    scope: str
    target: str | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    reason: str
    made_by: str
    created_at: dt.datetime


def window_out(window: MaintenanceWindow, name: str | None) -> WindowOut:
    """Write a window for the API."""
    return WindowOut(
        id=window.id,
        scope=window.scope,
        target=name or None,
        weekday=window.weekday,
        opens_at=f"{window.opens_at:%H:%M}",
        closes_at=f"{window.closes_at:%H:%M}",
        made_by=window.made_by,
        created_at=window.created_at,
    )


def freeze_out(freeze: Freeze, name: str | None) -> FreezeOut:
    """Write a freeze for the API."""
    return FreezeOut(
        id=freeze.id,
        scope=freeze.scope,
        target=name or None,
        starts_at=freeze.starts_at,
        ends_at=freeze.ends_at,
        reason=freeze.reason,
        made_by=freeze.made_by,
        created_at=freeze.created_at,
    )
