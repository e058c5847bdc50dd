"""What the API gives out of orphans."""

import datetime as dt
from uuid import UUID

import msgspec

from catalog.runs.schemas import ErrorOut


class OrphanOut(msgspec.Struct, frozen=True):
    """Something of an instance, where the catalog has no such instance.

    `kind`: `client` (in Keycloak) or `instance` (on the host of that name). `name` is the client's id, or the short
    name that everything of the instance begins with. `why`: `unknown` (the catalog never had it), `removed`, or
    `elsewhere` (it stands on another host). `found` is what there is of it on the host: paths, and `user` with a system
    user's name.
    """

    id: UUID
    kind: str
    host: str | None
    name: str
    instance_id: UUID | None
    why: str
    found: list[str]
    first_seen_at: dt.datetime
    seen_at: dt.datetime


class SurveyOut(msgspec.Struct, frozen=True):
    """A place that is looked over, a host or (null) Keycloak: when that last succeeded, and why not since.

    `looked_at` is null where it never did; `due_at` is when it is looked at next.
    """

    host: str | None
    looked_at: dt.datetime | None
    due_at: dt.datetime
    error: ErrorOut | None


class OrphansOut(msgspec.Struct, frozen=True):
    """One page of orphans, newest first, and all places with when they were last looked over."""

    items: list[OrphanOut]
    next: str | None
    surveys: list[SurveyOut]
