"""The steps in our own database alone: making an instance known as running, and giving up what it held."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from catalog.instances.secrets import forget_secrets
from catalog.instances.tables import Hostname, Instance, Placement, Port
from catalog.platform.clock import now
from catalog.runs.context import Step, StepContext

NAME_RESTS = dt.timedelta(days=90)


async def _publish(context: StepContext) -> dict[str, Any]:
    """Say where people find it. The instance's state is set by the transaction that ends the run."""
    async with context.attempt.begin() as (session, _):
        instance = await session.get_one(Instance, context.claim.subject_id)
        return {"url": f"https://{instance.hostname}/"}


async def _release(context: StepContext) -> dict[str, Any]:
    """Give up place, ports and secrets; the name rests before somebody else can have it.

    A name under which nobody was ever let in is free at once: of a first provision that was abandoned.
    """
    rests_until = now() if context.claim.action == "provision" else now() + NAME_RESTS
    async with context.attempt.begin() as (session, _):
        instance = await session.get_one(Instance, context.claim.subject_id)
        for table in (Port, Placement):
            await session.execute(sa.delete(table).where(table.instance_id == instance.id))
        await session.execute(
            sa.update(Hostname).where(Hostname.instance_id == instance.id).values(rests_until=rests_until)
        )
        await forget_secrets(session, instance)
    return {"name_rests_until": rests_until.isoformat()}


publish = Step(_publish)
release = Step(_release)
