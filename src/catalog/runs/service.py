"""Starting runs. A worker does them; nothing here waits for one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.tables import Instance
from catalog.platform import audit
from catalog.platform.errors import NotFound
from catalog.platform.ids import new_id
from catalog.runs.definitions import DEFINITION, StepPlan, steps_for
from catalog.runs.errors import InstanceNotReady, SubjectBusy
from catalog.runs.jobs import defer
from catalog.runs.tables import Run, RunStep
from catalog.sites.tables import Host, Site
from catalog.tools.manifest import manifest_of
from catalog.tools.tables import ToolRevision

_ACTIVE_SUBJECT = "uq_runs_active_subject"

# action: the states of an instance that it may begin in, and the state that the instance is in from then on
_MOVES: Mapping[str, Mapping[str, str]] = {
    "provision": {"provisioning": "provisioning", "failed": "provisioning", "running": "running"},
    "verify": {"running": "running"},
    "deprovision": {"running": "removing", "failed": "removing", "removing": "removing"},
}


async def start_run(  # noqa: PLR0913 - the parts of one run, each by its name
    session: AsyncSession,
    *,
    subject_kind: str,
    subject_id: UUID,
    member_id: UUID | None,
    action: str,
    input: Mapping[str, Any],  # noqa: A002 - the name of the column
    requested_by: str,
    request_id: UUID | None = None,
    steps: Sequence[StepPlan],
    definition: int = DEFINITION,
) -> Run:
    """Write a run with its steps down, and tell the workers of its first step's queue; all commits with `session`.

    `input` is JSON and never changes after. Raises `SubjectBusy` while another run acts on the subject; what the
    transaction did before stays good then.
    """
    run = Run(
        id=new_id(),
        member_id=member_id,
        subject_kind=subject_kind,
        subject_id=subject_id,
        action=action,
        definition=definition,
        input=dict(input),
        requested_by=requested_by,
        request_id=request_id,
    )
    try:
        async with session.begin_nested():
            session.add(run)
            await session.flush()
    except IntegrityError as error:
        if _violated(error) == _ACTIVE_SUBJECT:
            raise SubjectBusy from error
        raise
    session.add_all(
        RunStep(
            run_id=run.id,
            position=position,
            member_id=member_id,
            name=step.name,
            queue=step.queue,
            timeout_seconds=step.timeout_seconds,
        )
        for position, step in enumerate(steps, start=1)
    )
    audit.record(
        session,
        actor=requested_by,
        action="run.started",
        subject=(subject_kind, subject_id),
        member_id=member_id,
        details={"run_id": str(run.id), "action": action},
    )
    await session.flush()
    await defer(session, run.id, steps[0].queue, priority=run.priority)
    return run


async def start_instance_run(
    session: AsyncSession, instance: Instance, action: str, *, requested_by: str, request_id: UUID | None = None
) -> Run:
    """Start `action` (provision, verify or deprovision) on an instance as it is desired now, and move its state.

    A provision works on a first try that failed as well as on a running instance, which stays `running` meanwhile.
    Raises `InstanceNotReady` in another state, `SubjectBusy` while a run acts on it.
    """
    state = _MOVES[action].get(instance.state)
    if state is None:
        raise InstanceNotReady(action=action, state=instance.state)
    revision = await session.get(ToolRevision, instance.desired_revision_id)
    site_slug = await session.scalar(
        sa.select(Site.slug).join(Host, Host.site_id == Site.id).where(Host.id == instance.host_id)
    )
    if revision is None or site_slug is None:
        raise NotFound
    run = await start_run(
        session,
        subject_kind="instance",
        subject_id=instance.id,
        member_id=instance.member_id,
        action=action,
        input=instance_input(instance),
        requested_by=requested_by,
        request_id=request_id,
        steps=steps_for(action, site_slug=site_slug, actions=manifest_of(revision).actions),
    )
    if state != instance.state:
        instance.state = state
        instance.version += 1
    await session.flush()
    return run


async def provision_again(session: AsyncSession, instance: Instance, *, requested_by: str) -> Run:
    """Provision an instance once more: it converges to what is desired now. Raises as `start_instance_run` does."""
    return await start_instance_run(session, instance, "provision", requested_by=requested_by)


def instance_input(instance: Instance) -> dict[str, Any]:
    """Freeze what is desired of an instance, as the input of a run."""
    return {
        "revision_id": str(instance.desired_revision_id),
        "parameters": instance.desired_parameters,
        "plan": instance.plan,
        "host_id": str(instance.host_id),
        "hostname": instance.hostname,
    }


def _violated(error: IntegrityError) -> str | None:
    """Name the constraint that was violated, as the driver tells it."""
    return getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
