"""After a patch, everything that runs on the host is verified, each instance by a run of its own."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.tables import Instance
from catalog.platform.clock import now
from catalog.platform.outbox import OutboxEvent, Subscriber
from catalog.runs.errors import SubjectBusy
from catalog.runs.outcomes import ACTOR
from catalog.runs.service import SCHEDULE, start_instance_run
from catalog.runs.tables import Run

LEFT = "host.verify-left"
LOOK_AGAIN = dt.timedelta(minutes=1)


async def verify_patched(session: AsyncSession, payload: dict[str, Any]) -> None:
    """Start a verify of each instance that runs on a host whose patch has succeeded.

    Hearing of it twice changes nothing. What another run acts on is looked at again in a minute, until it was verified
    or runs no more.
    """
    if (payload["subject_kind"], payload["action"]) != ("host", "patch"):
        return
    patch_id = UUID(payload["run_id"])
    left = False
    for instance in await _unverified(session, UUID(payload["subject_id"]), patch_id):
        try:
            await start_instance_run(
                session, instance, "verify", requested_by=ACTOR, cause_id=patch_id, priority=SCHEDULE
            )
        except SubjectBusy:
            left = True
    if left:
        session.add(OutboxEvent(kind=LEFT, payload=payload, due_at=now() + LOOK_AGAIN))


async def _unverified(session: AsyncSession, host_id: UUID, patch_id: UUID) -> Sequence[Instance]:
    """Give the running instances that the patch has not had verified, locked."""
    verified = sa.exists(sa.select(Run.id).where(Run.cause_id == patch_id, Run.subject_id == Instance.id))
    found = await session.scalars(
        sa.select(Instance)
        .where(Instance.host_id == host_id, Instance.state == "running", ~verified)
        .order_by(Instance.id)
        .with_for_update()
    )
    return found.all()


HOST_SUBSCRIBERS: Mapping[str, Sequence[Subscriber]] = {"run.succeeded": (verify_patched,), LEFT: (verify_patched,)}
