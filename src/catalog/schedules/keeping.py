"""Keeps the table of schedules as the instances are: whatever changed an instance raised its version."""

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.service import database_now
from catalog.instances.tables import EndNotice, Instance, Removal
from catalog.schedules.planning import RECURRING, Facts, Task, wanted
from catalog.schedules.tables import Schedule
from catalog.sites.tables import Host, Site
from catalog.tools.manifest import manifest_of
from catalog.tools.tables import ToolRevision

MOST_AT_ONCE = 100


async def plan_changed(session: AsyncSession) -> int:
    """Work out anew what is due for instances that changed since it was; give how many there were, at most 100.

    Those that somebody is just changing are left for the next time.
    """
    found = await session.scalars(
        sa.select(Instance)
        .where(Instance.scheduled_version.is_distinct_from(Instance.version))
        .order_by(Instance.id)
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    instances = found.all()
    if instances:
        moment = await database_now(session)
        for facts, instance in zip(await _facts(session, instances), instances, strict=True):
            await _plan(session, instance, wanted(facts, moment), moment)
            instance.scheduled_version = instance.version
    await session.flush()
    return len(instances)


async def facts_of(session: AsyncSession, instance: Instance) -> Facts:
    """Read what decides what is due for an instance."""
    (facts,) = await _facts(session, [instance])
    return facts


async def _plan(
    session: AsyncSession, instance: Instance, due: Mapping[Task, dt.datetime], moment: dt.datetime
) -> None:
    rows = await session.scalars(sa.select(Schedule).where(Schedule.instance_id == instance.id).with_for_update())
    known: dict[str, Schedule] = {row.task: row for row in rows}
    for gone in known.keys() - due.keys():
        await session.delete(known[gone])
    for task, due_at in due.items():
        row = known.get(task)
        if row is None:
            session.add(
                Schedule(
                    member_id=instance.member_id, instance_id=instance.id, task=task, due_at=due_at, next_at=due_at
                )
            )
        elif row.due_at != due_at and not (task in RECURRING and row.due_at <= moment):
            # What was missed is still to be done; everything else follows the instance.
            row.due_at = row.next_at = due_at
            row.blocked = None


async def _facts(session: AsyncSession, instances: Sequence[Instance]) -> list[Facts]:
    ids = [instance.id for instance in instances]
    sites = await _sites(session, {instance.host_id for instance in instances})
    revisions = await _revisions(session, {instance.desired_revision_id for instance in instances})
    removals = {
        row.instance_id: row
        for row in await session.scalars(
            sa.select(Removal).where(Removal.instance_id.in_(ids), Removal.taken_back_at.is_(None))
        )
    }
    notices = (await session.scalars(sa.select(EndNotice).where(EndNotice.instance_id.in_(ids)))).all()
    return [
        _facts_of(
            instance,
            sites[instance.host_id],
            revisions[instance.desired_revision_id],
            removals.get(instance.id),
            frozenset(
                notice.days
                for notice in notices
                if notice.instance_id == instance.id and notice.ends_on == instance.ends_on
            ),
        )
        for instance in instances
    ]


def _facts_of(
    instance: Instance, site: Site, revision: ToolRevision, removal: Removal | None, noticed: frozenset[int]
) -> Facts:
    manifest = manifest_of(revision)
    plan = manifest.plan(instance.plan)
    return Facts(
        instance_id=instance.id,
        state=instance.state,
        zone=site.zone,
        backup_hour=plan.backup_hour if plan is not None and "backup" in manifest.actions else None,
        ends_on=instance.ends_on,
        noticed=noticed,
        removing=removal is not None,
        purge_at=removal.purge_at if removal is not None and removal.purge_run_id is None else None,
    )


async def _sites(session: AsyncSession, host_ids: set[UUID]) -> dict[UUID, Site]:
    rows = await session.execute(
        sa.select(Host.id, Site).join(Site, Site.id == Host.site_id).where(Host.id.in_(host_ids))
    )
    return {row[0]: row[1] for row in rows}


async def _revisions(session: AsyncSession, ids: set[UUID]) -> dict[UUID, ToolRevision]:
    return {row.id: row for row in await session.scalars(sa.select(ToolRevision).where(ToolRevision.id.in_(ids)))}
