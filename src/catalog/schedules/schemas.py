"""What comes in to remove or extend an instance, and what the API gives out of schedules."""

import datetime as dt
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.schedules.planning import Task

MOST_REASON = 500

Reason = Annotated[str, Meta(min_length=1, max_length=MOST_REASON, examples=["The course is over."])]


class RemovalIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an instance is removed."""

    reason: Reason
    overrule: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=MOST_REASON,
                description="Why a freeze does not stand in the way. For operators; audited.",
            ),
        ]
        | None
    ) = None


class ExtensionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Until when an instance is wanted. Without a date: until the end of the next academic term."""

    date: Annotated[dt.date, Meta(description="The new last day.", examples=["2027-08-31"])] | None = None


class ScheduleLinks(msgspec.Struct, frozen=True):
    """Where to go on."""

    instance: str
    last_run: str | None


class ScheduleOut(msgspec.Struct, frozen=True):
    """One thing that is done to an instance when its time comes.

    It is due at `due_at` and tried at `next_at`: later while something stands in its way, which `blocked` names
    (`subject-busy`, `changes-frozen`, `outside-windows`, `not-suspended`, `held`, …). `time_zone` is that of the
    instance's site.
    """

    id: UUID
    instance: UUID
    hostname: str
    member: str
    tool: str
    task: Task
    due_at: dt.datetime
    next_at: dt.datetime
    time_zone: str
    blocked: str | None
    last_started_at: dt.datetime | None
    links: ScheduleLinks
