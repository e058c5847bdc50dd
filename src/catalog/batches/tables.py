"""Batches and the instances that they act on."""

import datetime as dt
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Base, Identified


class Batch(Identified):
    """One action on many instances, in waves. The states and the moves between them are `batches.lifecycle`.

    `input` is what goes with the action (`runs.actions.Wanted`), `filter` how the instances were chosen. The first wave
    has `first_size` instances, each later one `wave_size`; `waves` counts those that have begun. It stops when more
    than `stop_at_percent` of the runs that have ended did not succeed; `problem` says so then.
    """

    __tablename__ = "batches"

    action: Mapped[str]
    input: Mapped[dict[str, Any]]
    filter: Mapped[dict[str, Any]]
    reason: Mapped[str]
    first_size: Mapped[int]
    wave_size: Mapped[int]
    stop_at_percent: Mapped[int]
    state: Mapped[str] = mapped_column(default="running")
    waves: Mapped[int] = mapped_column(default=0)
    requested_by: Mapped[str]
    retry_of: Mapped[UUID | None] = mapped_column(sa.ForeignKey("batches.id"))
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    ended_at: Mapped[dt.datetime | None]

    __table_args__ = (
        sa.Index("uq_batches_retry_of", "retry_of", unique=True),
        sa.Index("ix_batches_running", "id", postgresql_where=sa.text("state = 'running'")),
        sa.CheckConstraint("state IN ('running', 'paused', 'stopped', 'done', 'cancelled')", name="state"),
        sa.CheckConstraint("stop_at_percent BETWEEN 0 AND 100", name="stop_at_percent"),
        sa.CheckConstraint("first_size BETWEEN 1 AND 100 AND wave_size BETWEEN 1 AND 100", name="sizes"),
    )


class BatchItem(Base):
    """An instance of a batch: chosen when the batch was made, taken up in the order of the ids.

    State: `pending` (its wave has not come), `begun` (how it stands is its run's state), `left-out` (final: `problem`
    says why).
    """

    __tablename__ = "batch_items"

    batch_id: Mapped[UUID] = mapped_column(sa.ForeignKey("batches.id"), primary_key=True)
    instance_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(default="pending")
    wave: Mapped[int | None]
    run_id: Mapped[UUID | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (
        sa.ForeignKeyConstraint(["instance_id", "member_id"], ["instances.id", "instances.member_id"]),
        sa.ForeignKeyConstraint(["run_id", "member_id"], ["runs.id", "runs.member_id"]),
        sa.CheckConstraint("state IN ('pending', 'begun', 'left-out')", name="state"),
        sa.CheckConstraint("(state = 'begun') = (run_id IS NOT NULL)", name="run"),
        sa.CheckConstraint("(state = 'left-out') = (problem IS NOT NULL)", name="problem"),
    )
