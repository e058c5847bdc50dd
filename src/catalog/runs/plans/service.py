"""Starting plans: runs that say what an action would change, and change nothing."""

from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.changes import Desired
from catalog.instances.lifecycle import State, moves_of
from catalog.instances.tables import Instance
from catalog.runs.definitions import steps_for
from catalog.runs.errors import InstanceNotReady
from catalog.runs.plans.desired import Planned
from catalog.runs.service import Place, instance_input, site_of, start_run
from catalog.runs.tables import Run
from catalog.tools.manifest import manifest_of


async def start_plan(
    session: AsyncSession, instance: Instance, action: Planned, desired: Desired, *, requested_by: str
) -> Run:
    """Start a run that compares the instance with what `action` would bring it to. Nothing of it is changed.

    `instance` is locked by the transaction. Raises `InstanceNotReady` in a state that the action can't begin in,
    `SubjectBusy` while a run acts on it.
    """
    if moves_of(action).begin.get(cast("State", instance.state)) is None:
        raise InstanceNotReady(action=action, state=instance.state)
    site = await site_of(session, instance.host_id)
    return await start_run(
        session,
        subject_kind="instance",
        subject_id=instance.id,
        member_id=instance.member_id,
        action="plan",
        input=instance_input(instance)
        | {"of": action, "revision_id": str(desired.revision.id), "parameters": desired.parameters},
        requested_by=requested_by,
        steps=steps_for("plan", site_slug=site.slug, actions=manifest_of(desired.revision).actions),
        place=Place(site.id, instance.host_id, instance.tool_slug),
    )
