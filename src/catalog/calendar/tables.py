"""Maintenance windows and freezes."""

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Identified

_SCOPES = "scope IN ('all', 'site', 'host', 'tool', 'instance'{more})"


class MaintenanceWindow(Identified):
    """A time of the week in which what is scheduled may change things.

    It opens on `weekday` (1 is Monday) when the clocks where an instance stands show `opens_at`, and closes when they
    show `closes_at`, on the next day where that is no later. `target` is the site's, host's or instance's id, or the
    tool's slug; empty for everything. `member_id`: whose instance it is.
    """

    __tablename__ = "maintenance_windows"

    scope: Mapped[str]
    target: Mapped[str]
    member_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("members.id"))
    weekday: Mapped[int]
    opens_at: Mapped[dt.time]
    closes_at: Mapped[dt.time]
    made_by: Mapped[str]

    __table_args__ = (
        sa.UniqueConstraint("scope", "target", "weekday", "opens_at", "closes_at"),
        sa.CheckConstraint(_SCOPES.format(more=""), name="scope"),
        sa.CheckConstraint("(scope = 'all') = (target = '')", name="target"),
        sa.CheckConstraint("(scope = 'instance') = (member_id IS NOT NULL)", name="member"),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),
    )


class Freeze(Identified):
    """From `starts_at` to `ends_at` nothing may change. `target` as above, or a member's id."""

    __tablename__ = "freezes"

    scope: Mapped[str]
    target: Mapped[str]
    member_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("members.id"))
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    reason: Mapped[str]
    made_by: Mapped[str]

    __table_args__ = (
        sa.Index("ix_freezes_ends_at", "ends_at"),
        sa.CheckConstraint(_SCOPES.format(more=", 'member'"), name="scope"),
        sa.CheckConstraint("(scope = 'all') = (target = '')", name="target"),
        sa.CheckConstraint("(scope IN ('instance', 'member')) = (member_id IS NOT NULL)", name="member"),
        sa.CheckConstraint("ends_at > starts_at", name="forwards"),
    )
