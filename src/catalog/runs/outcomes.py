"""What a run's end means for its subject, written in the transaction that ends it."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.tables import Instance
from catalog.platform import audit, outbox
from catalog.platform.clock import now
from catalog.runs.tables import Run

ACTOR = "worker"


async def lock_subject(session: AsyncSession, run: Run) -> None:
    """Lock the subject before the run's row is changed.

    Whoever starts a run locks the instance and then meets the unique index of active runs: in the other order the two
    would wait for each other.
    """
    if run.subject_kind == "instance":
        with session.no_autoflush:
            await session.execute(sa.select(Instance.id).where(Instance.id == run.subject_id).with_for_update())


async def settle(session: AsyncSession, run: Run) -> None:
    """Bring the subject to where the run's end leaves it, and tell the audit trail and the slices above."""
    if run.subject_kind == "instance":
        await _settle_instance(session, run)
    audit.record(
        session,
        actor=ACTOR,
        action=f"run.{run.state}",
        subject=(run.subject_kind, run.subject_id),
        member_id=run.member_id,
        details={"run_id": str(run.id), "action": run.action}
        | ({} if run.error is None else {"error": run.error["code"]}),
    )
    outbox.emit(
        session,
        f"run.{run.state}",
        {
            "run_id": str(run.id),
            "action": run.action,
            "subject_kind": run.subject_kind,
            "subject_id": str(run.subject_id),
            "member_id": None if run.member_id is None else str(run.member_id),
            "request_id": None if run.request_id is None else str(run.request_id),
        },
    )
    await session.flush()


async def _settle_instance(session: AsyncSession, run: Run) -> None:
    instance = await session.get_one(Instance, run.subject_id)
    if run.state != "succeeded":
        instance.attention = f"{run.action}-failed"
        if instance.state == "provisioning":
            instance.state = "failed"
    elif run.action == "provision":
        instance.state = "running"
        instance.applied_revision_id = UUID(run.input["revision_id"])
        instance.applied_parameters = run.input["parameters"]
        instance.applied_at = now()
        instance.attention = "changed-by-hand" if _changed_by_hand(run) else None
    elif run.action == "deprovision":
        instance.state = "removed"
        instance.attention = None
    elif instance.attention == f"{run.action}-failed":
        instance.attention = None
    instance.version += 1


def _changed_by_hand(run: Run) -> bool:
    return any(output.get("changed_by_hand") for output in (run.result or {}).values())
