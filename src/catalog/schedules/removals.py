"""Removals: suspended now, purged after a grace time in which it can be taken back.

Each is one transaction under the instance's locked row (`locked_instance`), so that a removal that is taken back while
its purge begins has one winner.
"""

import datetime as dt
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.service import Overrule, database_now
from catalog.instances.tables import Instance, Removal
from catalog.platform import audit, outbox
from catalog.platform.errors import NotFound
from catalog.runs.errors import ActionNotOffered, InstanceNotReady
from catalog.runs.service import PERSON, start_instance_run
from catalog.runs.tables import Run
from catalog.schedules.errors import NoRemoval, PurgeBegan, RemovalStands
from catalog.schedules.planning import REMOVABLE

_GIVEN_BACK = "It gives back what a suspension that failed may have taken."


async def locked_instance(session: AsyncSession, instance_id: UUID) -> Instance:
    """Give an instance, and keep others from changing it. Raises `NotFound`, for another member's too."""
    found = await session.get(Instance, instance_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


async def standing_removal(session: AsyncSession, instance: Instance) -> Removal | None:
    """Give the removal that was not taken back, if there is one."""
    return await session.scalar(
        sa.select(Removal).where(Removal.instance_id == instance.id, Removal.taken_back_at.is_(None))
    )


async def remove(  # noqa: PLR0913 - the parts of one removal
    session: AsyncSession,
    instance: Instance,
    *,
    reason: str,
    actor: str,
    grace: dt.timedelta,
    overrule: Overrule | None = None,
) -> Removal:
    """Suspend an instance now, and have it purged when `grace` is over.

    One whose tool can't be suspended stays in use until then; a first provision that failed has nothing to suspend.
    Raises `RemovalStands`, `PurgeBegan`, `InstanceNotReady`, `ChangesFrozen`, `SubjectBusy`.
    """
    await refuse_if_removed(session, instance)
    if instance.state not in REMOVABLE:
        raise InstanceNotReady(action="removal", state=instance.state)
    run = await _suspended(session, instance, actor, overrule)
    removal = Removal(
        member_id=instance.member_id,
        instance_id=instance.id,
        reason=reason,
        asked_by=actor,
        suspends=run is not None or instance.state == "suspended",
        suspend_run_id=None if run is None else run.id,
        purge_at=await database_now(session) + grace,
    )
    session.add(removal)
    instance.version += 1
    told = {"purge_at": removal.purge_at.isoformat(), "suspends": removal.suspends}
    _tell(session, instance, actor, "instance.removal-asked", told | {"reason": reason})
    await session.flush()
    return removal


async def take_back(session: AsyncSession, instance: Instance, *, actor: str) -> Removal:
    """Take a removal back: what it suspended is resumed. Raises as `takeable` does, `SubjectBusy`."""
    removal = await takeable(session, instance)
    if removal.suspend_run_id is not None:
        await bring_back(session, instance, actor=actor)
    removal.taken_back_at, removal.taken_back_by = await database_now(session), actor
    instance.version += 1
    _tell(session, instance, actor, "instance.removal-taken-back", {})
    await session.flush()
    return removal


async def takeable(session: AsyncSession, instance: Instance) -> Removal:
    """Give the removal that can be taken back. Raises `NoRemoval`, `PurgeBegan`, `InstanceNotReady`.

    A purge may have been begun by hand; where it stopped, there is nothing left to keep.
    """
    removal = await standing_removal(session, instance)
    if removal is None:
        raise NoRemoval
    if removal.purge_run_id is not None:
        raise PurgeBegan(run=removal.purge_run_id)
    if instance.state not in REMOVABLE:
        raise InstanceNotReady(action="restore", state=instance.state)
    return removal


async def bring_back(session: AsyncSession, instance: Instance, *, actor: str) -> Run | None:
    """Resume an instance that was suspended; one whose suspension stopped half-way is set up again as it is desired.

    Raises `SubjectBusy` while the suspension is under way.
    """
    if instance.state == "suspended":
        return await start_instance_run(session, instance, "resume", requested_by=actor)
    overrule = Overrule(actor, _GIVEN_BACK)
    return await start_instance_run(session, instance, "reconcile", requested_by=actor, overrule=overrule)


async def purge_now(session: AsyncSession, instance: Instance, *, actor: str, overrule: Overrule | None = None) -> Run:
    """Remove an instance for good, without grace. Raises as `start_instance_run` does."""
    removal = await standing_removal(session, instance)
    run = await start_instance_run(session, instance, "deprovision", requested_by=actor, overrule=overrule)
    if removal is not None:
        _purges(instance, removal, run)
    _tell(session, instance, actor, "instance.purge-asked", {"run_id": str(run.id)})
    await session.flush()
    return run


async def begin_purge(
    session: AsyncSession, instance: Instance, removal: Removal, *, requested_by: str, priority: int = PERSON
) -> Run:
    """Start the run that removes an instance for good. Raises as `start_instance_run` does."""
    run = await start_instance_run(session, instance, "deprovision", requested_by=requested_by, priority=priority)
    _purges(instance, removal, run)
    await session.flush()
    return run


async def refuse_if_removed(session: AsyncSession, instance: Instance) -> None:
    """Raise `RemovalStands` or `PurgeBegan` where a removal stands."""
    standing = await standing_removal(session, instance)
    if standing is None:
        return
    if standing.purge_run_id is not None:
        raise PurgeBegan(run=standing.purge_run_id)
    raise RemovalStands(purge_at=f"{standing.purge_at:%Y-%m-%d %H:%M} UTC")


async def _suspended(session: AsyncSession, instance: Instance, actor: str, overrule: Overrule | None) -> Run | None:
    if instance.state != "running":
        return None
    try:
        return await start_instance_run(session, instance, "suspend", requested_by=actor, overrule=overrule)
    except ActionNotOffered:
        return None


def _purges(instance: Instance, removal: Removal, run: Run) -> None:
    removal.purge_run_id = run.id
    instance.version += 1


def _tell(session: AsyncSession, instance: Instance, actor: str, kind: str, details: dict[str, Any]) -> None:
    audit.record(
        session,
        actor=actor,
        action=kind,
        subject=("instance", instance.id),
        member_id=instance.member_id,
        details=details,
    )
    outbox.emit(
        session, kind, {"instance_id": str(instance.id), "member_id": str(instance.member_id), "by": actor, **details}
    )
