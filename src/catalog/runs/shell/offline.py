"""What a shell did while the catalog could not be asked, written down afterwards as a run that has ended."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.instances.tables import Instance
from catalog.platform import audit
from catalog.platform.errors import NotFound
from catalog.platform.ids import new_id
from catalog.runs.definitions import DEFINITION, SHELL, StepPlan
from catalog.runs.errors import ActionNotOffered
from catalog.runs.events import bounded
from catalog.runs.outcomes import end_run
from catalog.runs.service import instance_input, site_of
from catalog.runs.shell.errors import NotOnePlaybook
from catalog.runs.shell.lines import output_of, stored
from catalog.runs.shell.schemas import OfflineIn
from catalog.runs.shell.starting import action_of, step_of
from catalog.runs.shell.telling import problem_of
from catalog.runs.tables import Run, RunStep, StepTry
from catalog.tools.manifest import Manifest, manifest_of
from catalog.tools.tables import ToolRevision

STATES = {"done": "succeeded", "cancelled": "cancelled"}
SEVERAL_STEPS = frozenset({"provision", "suspend", "deprovision"})
"""Playbooks that are one step of several: only their check mode is complete by itself."""


async def report(session: AsyncSession, told: OfflineIn, principal: Principal) -> Run:
    """Write the run down with its story; the same report again gives the same run.

    Later attempts at the instance have higher numbers than this one, which the host knows already. Raises `Forbidden`,
    `NotFound`, `ActionNotOffered`, `NotOnePlaybook`.
    """
    principal.require("operator")
    instance = await session.scalar(sa.select(Instance).where(Instance.id == told.instance).with_for_update())
    if instance is None:
        raise NotFound
    manifest = manifest_of(await session.get_one(ToolRevision, instance.desired_revision_id))
    if told.playbook not in manifest.actions:
        raise ActionNotOffered(action=told.playbook, tool=instance.tool_slug)
    if told.playbook in SEVERAL_STEPS and not told.check:
        raise NotOnePlaybook(playbook=told.playbook)
    known = await session.scalar(
        sa.select(Run).where(Run.subject_id == instance.id, Run.attempt == told.attempt, Run.input.has_key("offline"))
    )
    return known or await _write(session, told, instance, manifest, principal.actor)


async def _write(session: AsyncSession, told: OfflineIn, instance: Instance, manifest: Manifest, actor: str) -> Run:
    site = await site_of(session, instance.host_id)
    state = STATES.get(told.end.outcome, "failed")
    run = Run(
        id=new_id(),
        member_id=instance.member_id,
        subject_kind="instance",
        subject_id=instance.id,
        action=action_of(told.playbook, instance.state),
        definition=DEFINITION,
        input=instance_input(instance) | {"offline": True} | ({"check": True} if told.check else {}),
        requested_by=actor,
        state=state,
        attempt=told.attempt,
        worker=f"shell:{told.shell}",
        started_at=told.started_at,
        site_id=site.id,
        host_id=instance.host_id,
        tool_slug=instance.tool_slug,
    )
    session.add(run)
    await session.flush()
    step = step_of(told.playbook)
    error = None if state == "succeeded" else bounded(problem_of(told.end).as_json() | {"step": step})
    seconds = manifest.actions[told.playbook].timeout_minutes * 60
    for row in _step(run, told, StepPlan(step, SHELL, seconds), error):
        session.add(row)
    audit.record(
        session,
        actor=actor,
        action="run.reported",
        subject=("instance", instance.id),
        member_id=instance.member_id,
        details={"run_id": str(run.id), "action": run.action, "attempt": run.attempt},
    )
    await session.flush()
    begun = {"action": run.action, "attempt": run.attempt, "worker": run.worker, "offline": True}
    ended = ("step.done", {"step": step}) if error is None else ("step.failed", {"step": step, "error": error})
    lines = [("run.started", begun), *map(stored, told.lines), ended]
    await end_run(session, run, state, error, lines, actor=actor)
    run.ended_at = told.ended_at
    await session.flush()
    return run


def _step(run: Run, told: OfflineIn, plan: StepPlan, error: dict[str, object] | None) -> tuple[RunStep, StepTry]:
    """Give the run's only step, and the only try at it."""
    outcome = "cancelled" if told.end.outcome == "cancelled" else "failed"
    step = RunStep(
        run_id=run.id,
        position=1,
        member_id=run.member_id,
        name=plan.name,
        queue=plan.queue,
        timeout_seconds=plan.timeout_seconds,
        state="done" if error is None else "failed",
        output=output_of(told.end) if error is None else None,
    )
    tried = StepTry(
        run_id=run.id,
        position=1,
        attempt=told.attempt,
        member_id=run.member_id,
        worker=f"shell:{told.shell}",
        started_at=told.started_at,
        ended_at=told.ended_at,
        outcome="done" if error is None else outcome,
        error=error,
    )
    return step, tried
