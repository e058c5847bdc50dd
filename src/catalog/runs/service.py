"""Starting runs. A worker does them; nothing here waits for one."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.service import Overrule, let_change
from catalog.instances.lifecycle import State, moves_of
from catalog.instances.tables import Instance
from catalog.platform import audit
from catalog.platform.db.base import violated_constraint
from catalog.platform.errors import NotFound
from catalog.platform.ids import new_id
from catalog.runs.definitions import COMPARISON, DEFINITION, INSTANCE_ACTIONS, StepPlan, plans, steps_for
from catalog.runs.errors import ActionNotOffered, InstanceNotReady, SubjectBusy
from catalog.runs.jobs import defer
from catalog.runs.tables import Run, RunStep
from catalog.sites.tables import Host, Site
from catalog.tools.manifest import Action, manifest_of
from catalog.tools.tables import ToolRevision

_ACTIVE_SUBJECT = "uq_runs_active_subject"
BROUGHT_BY_TOOL = frozenset({"suspend"})
"""Actions of ours that a tool may lack: its bundle says how it is done."""

OF_WHAT_IS_APPLIED = frozenset({"verify", "reconcile"})
"""Actions that work towards what was last set up, rather than towards what is desired since."""

PERSON, BATCH, SCHEDULE = 10, 5, 0
"""Priorities: a person who waits goes before a batch, and that before what is done by itself."""


class Place(NamedTuple):
    """Where a run acts, and with which tool: which holds and limits it falls under."""

    site_id: UUID | None = None
    host_id: UUID | None = None
    tool_slug: str | None = None


NOWHERE = Place()


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
    cause_id: UUID | None = None,
    steps: Sequence[StepPlan],
    definition: int = DEFINITION,
    place: Place = NOWHERE,
    priority: int = PERSON,
    batch_id: UUID | None = None,
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
        cause_id=cause_id,
        site_id=place.site_id,
        host_id=place.host_id,
        tool_slug=place.tool_slug,
        priority=priority,
        batch_id=batch_id,
    )
    try:
        async with session.begin_nested():
            session.add(run)
            await session.flush()
    except IntegrityError as error:
        if violated_constraint(error) == _ACTIVE_SUBJECT:
            raise SubjectBusy from error
        raise
    add_steps(session, run, steps)
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


def add_steps(session: AsyncSession, run: Run, steps: Sequence[StepPlan], *, after: int = 0) -> None:
    """Write steps down that follow the run's step number `after`."""
    session.add_all(
        RunStep(
            run_id=run.id,
            position=position,
            member_id=run.member_id,
            name=step.name,
            queue=step.queue,
            timeout_seconds=step.timeout_seconds,
        )
        for position, step in enumerate(steps, start=after + 1)
    )


async def start_instance_run(  # noqa: PLR0913 - what is done to which instance, for whom
    session: AsyncSession,
    instance: Instance,
    action: str,
    *,
    requested_by: str,
    request_id: UUID | None = None,
    cause_id: UUID | None = None,
    priority: int = PERSON,
    overrule: Overrule | None = None,
    batch_id: UUID | None = None,
    action_input: Mapping[str, Any] | None = None,
) -> Run:
    """Start an action on an instance as it is desired now, and move its state.

    A verify and a reconcile work on it as it was last set up. A verify of a suspended instance compares, and does not
    look whether it answers. A provision works on a first try that failed as well as on a running instance, which stays
    `running` meanwhile. `action_input` is what one of the tool's own actions is given.
    Raises `ActionNotOffered` where the tool has no such action, `InstanceNotReady` in a state that it can't begin in,
    `ChangesFrozen` during a freeze that no `overrule` goes past, `OutsideWindows` for what is scheduled (priority
    `SCHEDULE`) while no maintenance window is open, `SubjectBusy` while a run acts on it.
    """
    actions, state = await may_begin(session, instance, action)
    site = await site_of(session, instance.host_id)
    await let_change(session, instance, site, action, scheduled=priority == SCHEDULE, overrule=overrule)
    given = instance_input(instance, applied=action in OF_WHAT_IS_APPLIED)
    if action_input is not None:
        given["input"] = dict(action_input)
    if action == "verify" and instance.state == "suspended":
        given["suspended"] = True
        steps = plans(COMPARISON, site.slug, actions)
    else:
        steps = steps_for(action, site_slug=site.slug, actions=actions)
    run = await start_run(
        session,
        subject_kind="instance",
        subject_id=instance.id,
        member_id=instance.member_id,
        action=action,
        input=given,
        requested_by=requested_by,
        request_id=request_id,
        cause_id=cause_id,
        steps=steps,
        place=Place(site.id, instance.host_id, instance.tool_slug),
        priority=priority,
        batch_id=batch_id,
    )
    if state != instance.state:
        instance.state = state
        instance.version += 1
    await session.flush()
    return run


async def may_begin(session: AsyncSession, instance: Instance, action: str) -> tuple[Mapping[str, Action], State]:
    """Give the actions that the instance's tool brings, and the state that it has while `action` lasts.

    Whether another run acts on the instance is not looked at. Raises `ActionNotOffered`, `InstanceNotReady`.
    """
    given = instance_input(instance, applied=action in OF_WHAT_IS_APPLIED)
    revision = await session.get(ToolRevision, UUID(given["revision_id"]))
    if revision is None:
        raise NotFound
    actions = manifest_of(revision).actions
    if action not in actions and (action not in INSTANCE_ACTIONS or action in BROUGHT_BY_TOOL):
        raise ActionNotOffered(action=action, tool=instance.tool_slug)
    state = moves_of(action).begin.get(cast("State", instance.state))
    if state is None:
        raise InstanceNotReady(action=action, state=instance.state)
    return actions, state


async def site_of(session: AsyncSession, host_id: UUID) -> Site:
    """Give the site where a host stands. Raises `NotFound`."""
    site = await session.scalar(sa.select(Site).join(Host, Host.site_id == Site.id).where(Host.id == host_id))
    if site is None:
        raise NotFound
    return site


async def provision_again(session: AsyncSession, instance: Instance, *, requested_by: str) -> Run:
    """Provision an instance once more: it converges to what is desired now. Raises as `start_instance_run` does."""
    return await start_instance_run(session, instance, "provision", requested_by=requested_by)


def instance_input(instance: Instance, *, applied: bool = False) -> dict[str, Any]:
    """Freeze what is desired of an instance, or `applied` to it where something was, as the input of a run."""
    of_applied = applied and instance.applied_revision_id is not None
    return {
        "revision_id": str(instance.applied_revision_id if of_applied else instance.desired_revision_id),
        "parameters": instance.applied_parameters if of_applied else instance.desired_parameters,
        "plan": instance.plan,
        "host_id": str(instance.host_id),
        "hostname": instance.hostname,
    }
