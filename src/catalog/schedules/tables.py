"""When what is done by itself is due."""

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from catalog.platform.db.base import Identified


class Schedule(Identified):
    """One thing that is done to an instance when its time comes; at most one of each kind, so that nothing piles up.

    `task` is `planning.Task`. It is due at `due_at` and tried at `next_at`, which is later while something stands in
    its way: `blocked` is that problem's code.
    """

    __tablename__ = "schedules"

    member_id: Mapped[UUID]
    instance_id: Mapped[UUID]
    task: Mapped[str]
    due_at: Mapped[dt.datetime]
    next_at: Mapped[dt.datetime]
    blocked: Mapped[str | None]
    last_run_id: Mapped[UUID | None]
    last_started_at: Mapped[dt.datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["instance_id", "member_id"], ["instances.id", "instances.member_id"]),
        sa.UniqueConstraint("instance_id", "task"),
        sa.Index("ix_schedules_next_at", "next_at", "id"),
        sa.Index("ix_schedules_member_id_id", "member_id", "id"),
        sa.CheckConstraint("task IN ('verify', 'backup', 'notice', 'suspend', 'deprovision')", name="task"),
    )
