"""Where was looked for orphans, and what was found there."""

import datetime as dt
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.clock import now
from catalog.platform.db.base import Base, Identified

SIGN_ON = "sign-on"


class Survey(Base):
    """A place that is looked over again and again: Keycloak (`sign-on`), or a host by its id.

    `looked_at` is when that last succeeded; `error` why it did not the last time, as a problem in JSON.
    """

    __tablename__ = "surveys"

    place: Mapped[str] = mapped_column(primary_key=True)
    host_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("hosts.id"))
    due_at: Mapped[dt.datetime] = mapped_column(default=now)
    looked_at: Mapped[dt.datetime | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (
        sa.UniqueConstraint("host_id"),
        sa.CheckConstraint(f"(place = '{SIGN_ON}') = (host_id IS NULL)", name="host_unless_sign_on"),
    )


class Orphan(Identified):
    """Something of an instance, where the catalog has no such instance. `created_at`: when it was first found.

    `name` is the client's id in Keycloak, or the instance's short name on a host. `instance_id`: as far as it is known.
    `why`: `unknown` (the catalog never had it), `removed`, or `elsewhere` (it stands on another host). `found` are the
    paths on the host, with `user` before the name of a system user. `seen_at`: when it was last seen.
    """

    __tablename__ = "orphans"

    place: Mapped[str] = mapped_column(sa.ForeignKey("surveys.place"))
    name: Mapped[str]
    instance_id: Mapped[UUID | None]
    why: Mapped[str]
    found: Mapped[list[str]] = mapped_column(JSONB)
    seen_at: Mapped[dt.datetime] = mapped_column(default=now)

    __table_args__ = (
        sa.UniqueConstraint("place", "name"),
        sa.CheckConstraint("why IN ('unknown', 'removed', 'elsewhere')", name="why"),
    )
