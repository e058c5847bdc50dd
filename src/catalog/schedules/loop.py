"""The loop of every worker that does what is due: one worker at a time, one thing a transaction."""

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.service import database_now
from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.errors import CatalogError
from catalog.runs.holds import is_held
from catalog.schedules.doing import Done, do
from catalog.schedules.keeping import MOST_AT_ONCE, plan_changed
from catalog.schedules.tables import Schedule

SCHEDULE_LOCK = 7_203_914_552_033
SCHEDULE_SECONDS = 5
MOST_PLANNED = 20
TRY_AGAIN = dt.timedelta(minutes=5)
HELD, BROKEN = "held", "broken"

log = structlog.get_logger()


async def run_schedules(database: Database) -> int:
    """Bring the schedules up to date and do what is due, at most 100 things; gives how many were tried.

    Time is the database's. What was missed while no worker ran is done once. What is blocked (a run is under way, a
    hold, a freeze, no window) is tried again in five minutes.
    """
    for _ in range(MOST_PLANNED):
        if await _plan_some(database) < MOST_AT_ONCE:
            break
    tried = 0
    while tried < MOST_AT_ONCE and await _do_next(database):
        tried += 1
    return tried


async def _plan_some(database: Database) -> int:
    async with database.begin(OPERATOR) as session:
        return await plan_changed(session) if await _alone(session) else 0


async def _alone(session: AsyncSession) -> bool:
    """Tell whether no other worker is at it until this transaction ends."""
    return bool(await session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(SCHEDULE_LOCK))))


async def _do_next(database: Database) -> bool:
    """Do the one thing that is due longest; tells whether there was one, and nobody else was at it."""
    schedule_id: UUID | None = None
    try:
        async with database.begin(OPERATOR) as session:
            if not await _alone(session):
                return False
            schedule_id = await _longest_due(session)
            if schedule_id is None:
                return False
            await _do(session, schedule_id)
    except Exception:
        if schedule_id is None:
            raise
        log.exception("schedule.failed", schedule_id=str(schedule_id))
        await _set_aside(database, schedule_id)
    return True


async def _longest_due(session: AsyncSession) -> UUID | None:
    return await session.scalar(
        sa.select(Schedule.id)
        .where(Schedule.next_at <= sa.func.clock_timestamp())
        .order_by(Schedule.next_at, Schedule.id)
        .limit(1)
    )


async def _do(session: AsyncSession, schedule_id: UUID) -> None:
    """Lock the instance first, as whoever changes one does, and then the schedule, which only this loop changes."""
    instance = await session.scalar(
        sa.select(Instance)
        .join(Schedule, Schedule.instance_id == Instance.id)
        .where(Schedule.id == schedule_id)
        .with_for_update(of=Instance)
    )
    schedule = await session.get(Schedule, schedule_id, with_for_update=True)
    if instance is None or schedule is None:
        return
    now = await database_now(session)
    if await is_held(session, instance):
        _postpone(schedule, now, HELD)
        return
    try:
        done = await do(session, instance, schedule.task, now)
    except CatalogError as error:
        log.info("schedule.blocked", schedule_id=str(schedule_id), task=schedule.task, code=error.code)
        _postpone(schedule, now, error.code)
        return
    await _settle(session, schedule, done, now)


async def _settle(session: AsyncSession, schedule: Schedule, done: Done, now: dt.datetime) -> None:
    if done.again_at is None:
        await session.delete(schedule)
        return
    schedule.due_at = schedule.next_at = done.again_at
    schedule.blocked = None
    if done.run is not None:
        schedule.last_run_id, schedule.last_started_at = done.run.id, now


def _postpone(schedule: Schedule, now: dt.datetime, code: str) -> None:
    schedule.next_at, schedule.blocked = now + TRY_AGAIN, code


async def _set_aside(database: Database, schedule_id: UUID) -> None:
    """Keep what failed in an unforeseen way from standing in the way of everything after it."""
    async with database.begin(OPERATOR) as session:
        schedule = await session.get(Schedule, schedule_id, with_for_update=True)
        if schedule is not None:
            _postpone(schedule, await database_now(session), BROKEN)
