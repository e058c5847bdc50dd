"""What every worker looks after beside its runs, so that no run waits for a job or a worker that is gone."""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import ENUM, JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.admission import admissible, next_queue
from catalog.runs.jobs import TASK, defer
from catalog.runs.queue import STALLED_SECONDS
from catalog.runs.tables import ACTIVE_STATES, Run

RECOVERY_LOCK = 7_203_914_552_031
RECOVER_SECONDS = 2
KEEP_HOUSE_SECONDS = 3600
FINISHED_JOBS_KEPT = dt.timedelta(days=1)
MOST_AT_ONCE = 100

log = structlog.get_logger()

_STALLED = sa.text(
    """
    SELECT procrastinate_retry_job_v2(stalled.id, now(), NULL, NULL, NULL) FROM (
        SELECT j.id FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
        WHERE j.status = 'doing' AND j.task_name = :task
        AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => :seconds))
        ORDER BY j.id LIMIT :most FOR UPDATE OF j SKIP LOCKED
    ) stalled
    """
)
_FINISHED = sa.text(
    """
    DELETE FROM procrastinate_jobs WHERE status NOT IN ('todo', 'doing')
    AND NOT EXISTS (SELECT FROM procrastinate_events e WHERE e.job_id = procrastinate_jobs.id
                    AND e.at > now() - :age)
    """
).bindparams(sa.bindparam("age", type_=sa.Interval()))
_JOBS = sa.table(
    "procrastinate_jobs",
    sa.column("status", ENUM(name="procrastinate_job_status", create_type=False)),
    sa.column("task_name", sa.Text()),
    sa.column("queue_name", sa.Text()),
    sa.column("args", JSONB()),
)


async def recover(database: Database) -> int:
    """Retry the jobs of workers that are gone, and give runs that are due but have no job one; gives how many.

    One worker at a time does this. It needs no worker's good will: a run whose lease has run out is due as well.
    """
    async with database.begin(OPERATOR) as session:
        if not await session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(RECOVERY_LOCK))):
            return 0
        stalled = await session.execute(_STALLED, {"task": TASK, "seconds": STALLED_SECONDS, "most": MOST_AT_ONCE})
        recovered = len(stalled.all())
        for run_id, queue, priority in await _without_job(session):
            await defer(session, run_id, queue, priority=priority)
            recovered += 1
    if recovered:
        log.info("runs.recovered", count=recovered)
    return recovered


async def keep_house(database: Database) -> None:
    """Make the partitions of the coming months, and delete jobs that ended long ago."""
    async with database.begin(OPERATOR) as session:
        await session.execute(sa.text("SELECT catalog_ensure_event_partitions()"))
        await session.execute(_FINISHED, {"age": FINISHED_JOBS_KEPT})


async def look_after(database: Database, stopping: asyncio.Event) -> None:
    """Do both again and again until `stopping` is set."""
    await asyncio.gather(
        repeat("recovery", lambda: recover(database), RECOVER_SECONDS, stopping),
        repeat("housekeeping", lambda: keep_house(database), KEEP_HOUSE_SECONDS, stopping),
    )


async def repeat(name: str, work: Callable[[], Awaitable[object]], seconds: float, stopping: asyncio.Event) -> None:
    """Do `work` every so many seconds until `stopping` is set. A failure is logged, and `work` done again."""
    while not stopping.is_set():
        began = time.monotonic()
        try:
            await work()
        except Exception:  # whatever it was, the next round may succeed, and nobody else would do it
            log.exception("loop.failed", loop=name)
        try:
            await asyncio.wait_for(stopping.wait(), max(0.1, began + seconds - time.monotonic()))
        except TimeoutError:
            continue


async def _without_job(session: AsyncSession) -> list[tuple[UUID, str, int]]:
    """List runs that are due, may begin, and have no job that tells of them: id, queue of the next step, priority."""
    now = sa.func.clock_timestamp()
    due = sa.or_(
        sa.and_(Run.state.in_(("queued", "waiting")), Run.due_at <= now),
        sa.and_(Run.state == "running", Run.lease_until < now),
    )
    queue = next_queue()
    told = (
        sa.select(sa.literal(1))
        .select_from(_JOBS)
        .where(
            _JOBS.c.status.in_(("todo", "doing")),
            _JOBS.c.task_name == TASK,
            _JOBS.c.queue_name == queue,
            _JOBS.c.args["run_id"].astext == sa.cast(Run.id, sa.Text),
        )
        .exists()
    )
    found = await session.execute(
        sa.select(Run.id, queue, Run.priority)
        .where(Run.state.in_(ACTIVE_STATES), due, admissible(), ~told, queue.is_not(None))
        .order_by(Run.priority.desc(), Run.id)
        .limit(MOST_AT_ONCE)
    )
    return [(row[0], row[1], row[2]) for row in found]
