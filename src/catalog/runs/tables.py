"""Runs, their steps and tries, and their events."""

import datetime as dt
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.clock import now
from catalog.platform.db.base import Base, Identified

ACTIVE_STATES = ("queued", "running", "waiting")
OPEN_STEPS = ("pending", "running", "failed")
_ACTIVE = sa.text("state IN ('queued', 'running', 'waiting')")


class Run(Identified):
    """One durable execution of one action on one subject. This row is the truth; a job only tells a worker of it.

    States: `queued` (no worker has it), `running` (a worker holds the lease), `waiting` (a transient failure will be
    tried again at `due_at`); final: `succeeded`, `failed`, `cancelled`, `abandoned`.
    `attempt` is the highest number given out; only its holder may write. Numbers rise from one run of a subject to the
    next, so that the host can refuse whatever comes late. `input` is frozen at birth.

    `site_id`, `host_id` and `tool_slug` say which limits and holds it falls under; `admitted_at` is set while it counts
    towards the limits. `stop` is what somebody asked of it: `at-next-task` or `now`. Tries above the attempt
    `tries_from` count for giving up. `undoes`: it was abandoned, and takes back what it had made.
    """

    __tablename__ = "runs"

    member_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("members.id"))
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    action: Mapped[str]
    definition: Mapped[int]
    input: Mapped[dict[str, Any]]
    requested_by: Mapped[str]
    request_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default="queued")
    priority: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None]
    lease_until: Mapped[dt.datetime | None]
    due_at: Mapped[dt.datetime] = mapped_column(default=now)
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    last_sequence: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    site_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("sites.id"))
    host_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("hosts.id"))
    tool_slug: Mapped[str | None]
    admitted_at: Mapped[dt.datetime | None]
    stop: Mapped[str | None]
    verbosity: Mapped[int] = mapped_column(default=0)
    tries_from: Mapped[int] = mapped_column(default=0)
    undoes: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        sa.UniqueConstraint("id", "member_id"),
        sa.Index(
            "uq_runs_active_subject",
            "subject_id",
            unique=True,
            postgresql_where=_ACTIVE,
        ),
        sa.Index("ix_runs_subject", "subject_id", "id"),
        sa.Index("ix_runs_member", "member_id", "id"),
        sa.Index("ix_runs_state", "state", "id"),
        sa.Index("ix_runs_due", "due_at", postgresql_where=_ACTIVE),
        sa.Index("ix_runs_active_host_id", "host_id", postgresql_where=_ACTIVE),
        sa.Index("ix_runs_active_site_id", "site_id", postgresql_where=_ACTIVE),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'abandoned')",
            name="state",
        ),
        sa.CheckConstraint("subject_kind IN ('instance', 'host', 'member')", name="subject_kind"),
        sa.CheckConstraint("stop IN ('at-next-task', 'now')", name="stop"),
        sa.CheckConstraint("(subject_kind = 'host') = (member_id IS NULL)", name="member_unless_host"),
    )


class RunStep(Base):
    """A part of a run that is done once and remembered.

    State: `pending`, `running`, `failed`; final: `done`, or `skipped` (the run was abandoned before it).

    `queue` says which workers may do it: `core` (Keycloak, database) or `site:<slug>` (playbooks beside their hosts).
    """

    __tablename__ = "run_steps"

    run_id: Mapped[UUID] = mapped_column(sa.ForeignKey("runs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[UUID | None]
    name: Mapped[str]
    queue: Mapped[str]
    timeout_seconds: Mapped[int]
    state: Mapped[str] = mapped_column(default="pending")
    output: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (sa.CheckConstraint("state IN ('pending', 'running', 'failed', 'done', 'skipped')", name="state"),)


class StepTry(Base):
    """One attempt at a step: when, by whom, and how it ended.

    Outcome: `done`, `failed`, `interrupted`, `cancelled`; none while it lasts.
    """

    __tablename__ = "step_tries"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[UUID | None]
    worker: Mapped[str]
    started_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]
    outcome: Mapped[str | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (sa.ForeignKeyConstraint(["run_id", "position"], ["run_steps.run_id", "run_steps.position"]),)


class RunEvent(Base):
    """A line of a run's story: `(run_id, sequence)` from 1 without gaps.

    Partitioned by `run_id`, which as a UUIDv7 grows with time: retention drops whole partitions of old runs.
    """

    __tablename__ = "run_events"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    member_id: Mapped[UUID | None]
    recorded_at: Mapped[dt.datetime] = mapped_column(default=now)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]

    __table_args__ = ({"postgresql_partition_by": "RANGE (run_id)"},)


class Hold(Identified):
    """No new runs begin under it until it is lifted: for everything, a site, a host, a tool or an instance.

    `target` is the site's, host's or instance's id, or the tool's slug; empty for everything.
    """

    __tablename__ = "holds"

    scope: Mapped[str]
    target: Mapped[str]
    reason: Mapped[str]
    placed_by: Mapped[str]
    lifted_at: Mapped[dt.datetime | None]
    lifted_by: Mapped[str | None]

    __table_args__ = (
        sa.Index("uq_holds_standing", "scope", "target", unique=True, postgresql_where=sa.text("lifted_at IS NULL")),
        sa.CheckConstraint("scope IN ('all', 'site', 'host', 'tool', 'instance')", name="scope"),
        sa.CheckConstraint("(scope = 'all') = (target = '')", name="target"),
    )
