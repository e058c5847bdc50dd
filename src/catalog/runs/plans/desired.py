"""What would be desired of an instance after an update, an upgrade or a reconcile."""

from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.changes import Desired, updated, upgraded
from catalog.instances.tables import Instance
from catalog.platform.errors import InvalidInput
from catalog.runs.actions import Wanted, misfits
from catalog.tools.tables import ToolRevision

Planned = Literal["update", "upgrade", "reconcile"]


async def desired_after(session: AsyncSession, instance: Instance, wanted: Wanted) -> Desired:
    """Give what would be desired of `instance` once the action was started: the same as starting it leads to.

    A reconcile takes what was last set up. Raises `InvalidInput` with everything that is wrong, `NothingToUpgrade`,
    `RevisionUnfit`.
    """
    wrong = tuple(misfits(wanted))
    if wrong:
        raise InvalidInput(fields=wrong)
    if wanted.action == "update":
        return await updated(session, instance, wanted.parameters or {})
    if wanted.action == "upgrade":
        return await upgraded(session, instance, wanted.revision, wanted.parameters)
    set_up = instance.applied_revision_id or instance.desired_revision_id
    applied = instance.applied_parameters
    return Desired(
        await session.get_one(ToolRevision, set_up), instance.desired_parameters if applied is None else applied
    )
