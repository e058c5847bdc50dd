"""What is done for a schedule whose time has come. Each is a part of one transaction, under the instance's locked row.

What stands in the way is raised as a `CatalogError`; the loop tries again later.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.tables import EndNotice, Instance
from catalog.members.tables import Person, RoleGrant
from catalog.platform import audit, outbox
from catalog.runs.errors import ActionNotOffered
from catalog.runs.service import SCHEDULE, start_instance_run
from catalog.runs.tables import Run
from catalog.schedules.errors import NotSuspended
from catalog.schedules.extensions import END_REACHED
from catalog.schedules.keeping import facts_of
from catalog.schedules.planning import ENDED, Facts, due_notice, next_backup, next_verify
from catalog.schedules.removals import begin_purge, standing_removal

ACTOR = "schedule"
NEEDS_SUSPENSION = "suspend-before-purge"
"""What needs attention; a suspension that succeeds settles it, as everything that begins with `suspend-`."""


class Done(NamedTuple):
    """What came of it: the run that was started, if any, and when the same is due again, if it is."""

    run: Run | None = None
    again_at: dt.datetime | None = None


async def do(session: AsyncSession, instance: Instance, task: str, now: dt.datetime) -> Done:
    """Do what is due for `instance` at `now`. Raises `CatalogError` for what stands in the way."""
    return await _DOING[task](session, instance, await facts_of(session, instance), now)


async def _verify(session: AsyncSession, instance: Instance, _facts: Facts, now: dt.datetime) -> Done:
    return Done(await _started(session, instance, "verify"), next_verify(instance.id, now))


async def _backup(session: AsyncSession, instance: Instance, facts: Facts, now: dt.datetime) -> Done:
    if facts.backup_hour is None:
        return Done()
    run = await _started(session, instance, "backup")
    return Done(run, next_backup(instance.id, facts.backup_hour, facts.zone, now))


async def _notice(session: AsyncSession, instance: Instance, facts: Facts, now: dt.datetime) -> Done:
    """Tell whom it concerns, once, that the last day comes near."""
    days = None if facts.ends_on is None else due_notice(facts.ends_on, facts.noticed, facts.zone, now)
    if days is None or facts.ends_on is None:
        return Done()
    _remember(session, instance, facts.ends_on, days)
    outbox.emit(
        session,
        "instance.ending",
        {
            "instance_id": str(instance.id),
            "member_id": str(instance.member_id),
            "hostname": instance.hostname,
            "days": days,
            "ends_on": facts.ends_on.isoformat(),
            "tell": await _whom(session, instance),
        },
    )
    instance.version += 1
    return Done()


async def _end(session: AsyncSession, instance: Instance, facts: Facts, _now: dt.datetime) -> Done:
    """Suspend an instance whose last day is over. One whose tool can't be suspended stays, and needs attention."""
    if facts.ends_on is None:
        return Done()
    try:
        run = await _started(session, instance, "suspend")
    except ActionNotOffered:
        run = None
    _remember(session, instance, facts.ends_on, ENDED)
    _needs_attention(session, instance, END_REACHED)
    return Done(run)


async def _purge(session: AsyncSession, instance: Instance, _facts: Facts, _now: dt.datetime) -> Done:
    removal = await standing_removal(session, instance)
    if removal is None or removal.purge_run_id is not None:
        return Done()
    if removal.suspends and instance.state != "suspended":
        if instance.attention != NEEDS_SUSPENSION:
            _needs_attention(session, instance, NEEDS_SUSPENSION)
        raise NotSuspended
    return Done(await begin_purge(session, instance, removal, requested_by=ACTOR, priority=SCHEDULE))


async def _started(session: AsyncSession, instance: Instance, action: str) -> Run:
    return await start_instance_run(session, instance, action, requested_by=ACTOR, priority=SCHEDULE)


def _remember(session: AsyncSession, instance: Instance, ends_on: dt.date, days: int) -> None:
    session.add(EndNotice(instance_id=instance.id, member_id=instance.member_id, ends_on=ends_on, days=days))


def _needs_attention(session: AsyncSession, instance: Instance, why: str) -> None:
    instance.attention = why
    instance.version += 1
    audit.record(
        session,
        actor=ACTOR,
        action=f"instance.{why}",
        subject=("instance", instance.id),
        member_id=instance.member_id,
    )
    outbox.emit(
        session,
        "instance.attention",
        {"instance_id": str(instance.id), "member_id": str(instance.member_id), "attention": why},
    )


async def _whom(session: AsyncSession, instance: Instance) -> list[dict[str, str]]:
    """List who is told: whoever answers for the instance, and the member's IT."""
    people = await session.execute(
        sa.select(Person.name, Person.email)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(RoleGrant.member_id == instance.member_id, RoleGrant.role == "member-it", Person.email.is_not(None))
        .order_by(Person.id)
    )
    told = {cast("str", row.email): row.name for row in people} | {instance.owner_email: instance.owner_name}
    return [{"name": name, "email": email, "language": instance.language} for email, name in told.items()]


_Doing = Callable[[AsyncSession, Instance, Facts, dt.datetime], Awaitable[Done]]
_DOING: Mapping[str, _Doing] = {
    "verify": _verify,
    "backup": _backup,
    "notice": _notice,
    "suspend": _end,
    "deprovision": _purge,
}
