"""When a run may begin: no hold stands in its way, and its host and its site are not busy enough already.

A run that has been admitted counts towards the limits until it ends or waits for something that is away; what goes on
under a hold goes on to its end.
"""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from catalog.runs.jobs import defer
from catalog.runs.tables import Hold, Run, RunStep
from catalog.sites.tables import Host, Site

_ADMITTING = 7_203_914_552_032
_BUSY = ("queued", "running")
_MOST_WOKEN = 10


async def one_at_a_time(session: AsyncSession, run_id: UUID) -> None:
    """Wait for other admissions, if the run needs one: two at once would both count the same free place."""
    await session.execute(
        sa.select(sa.func.pg_advisory_xact_lock(_ADMITTING)).where(Run.id == run_id, Run.admitted_at.is_(None))
    )


def admissible() -> sa.ColumnElement[bool]:
    """Say, of the `runs` row of the statement around it, that it was admitted before or may be now.

    One that was asked to stop may: nothing is begun for it, and neither a hold nor a busy host keeps it from its end.
    """
    return sa.or_(
        Run.admitted_at.is_not(None),
        Run.stop.is_not(None),
        sa.and_(
            ~sa.exists(sa.select(Hold.id).where(holds_it()).correlate(Run)),
            _has_place(Run.host_id, Host),
            _has_place(Run.site_id, Site),
        ),
    )


def holds_it() -> sa.ColumnElement[bool]:
    """Say, of a hold and the `runs` row of the statement around it, that it stands and stands in its way."""
    return sa.and_(
        Hold.lifted_at.is_(None),
        sa.or_(
            Hold.scope == "all",
            sa.and_(Hold.scope == "site", Hold.target == sa.cast(Run.site_id, sa.Text)),
            sa.and_(Hold.scope == "host", Hold.target == sa.cast(Run.host_id, sa.Text)),
            sa.and_(Hold.scope == "tool", Hold.target == Run.tool_slug),
            sa.and_(
                Hold.scope == "instance",
                Run.subject_kind == "instance",
                Hold.target == sa.cast(Run.subject_id, sa.Text),
            ),
        ),
    )


def next_queue() -> sa.ScalarSelect[str]:
    """Give, for the `runs` row of the statement around it, the queue of its first step that is not done."""
    return (
        sa.select(RunStep.queue)
        .where(RunStep.run_id == Run.id, RunStep.state.not_in(("done", "skipped")))
        .order_by(RunStep.position)
        .limit(1)
        .correlate(Run)
        .scalar_subquery()
    )


async def wake_next(session: AsyncSession, left: Run) -> None:
    """Tell the workers of those that waited for the place that `left` has just given up."""
    places = [column == value for column, value in ((Run.host_id, left.host_id), (Run.site_id, left.site_id)) if value]
    if places:
        await tell_of(session, [sa.or_(*places), Run.admitted_at.is_(None)], most=_MOST_WOKEN)


async def tell_of(session: AsyncSession, conditions: Sequence[sa.ColumnElement[bool]], *, most: int) -> int:
    """Give at most so many of the runs that may begin now a job, the highest priority first; say how many."""
    queue = next_queue()
    found = await session.execute(
        sa.select(Run.id, queue, Run.priority)
        .where(*conditions, Run.state == "queued", Run.due_at <= sa.func.clock_timestamp(), admissible())
        .where(queue.is_not(None))
        .order_by(Run.priority.desc(), Run.id)
        .limit(most)
    )
    rows = found.all()
    for run_id, name, priority in rows:
        await defer(session, run_id, name, priority=priority)
    return len(rows)


def _has_place(column: InstrumentedAttribute[UUID | None], table: type[Host] | type[Site]) -> sa.ColumnElement[bool]:
    other = aliased(Run)
    theirs = other.host_id if table is Host else other.site_id
    busy = (
        sa.select(sa.func.count())
        .where(theirs == column, other.admitted_at.is_not(None), other.state.in_(_BUSY), other.id != Run.id)
        .correlate(Run)
        .scalar_subquery()
    )
    most = sa.select(table.most_runs).where(table.id == column).correlate(Run).scalar_subquery()
    return sa.or_(column.is_(None), busy < most)
