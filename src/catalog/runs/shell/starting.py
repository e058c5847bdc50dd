"""A shell asks to begin a run: it gets the subject's lock, or is told who has it."""

import hashlib
import secrets
from typing import cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.instances.lifecycle import State, moves_of
from catalog.instances.tables import Instance
from catalog.members.tables import Person
from catalog.platform.errors import NotFound
from catalog.runs.admission import admissible, holds_it
from catalog.runs.definitions import DEFINITION, OWN_ACTION, PLAYBOOK_STEPS, SHELL, StepPlan
from catalog.runs.errors import ActionNotOffered, InstanceNotReady, SubjectBusy
from catalog.runs.service import Place, instance_input, site_of, start_instance_run, start_run
from catalog.runs.shell.errors import HostBusy, RunsHeld, SubjectHeld
from catalog.runs.shell.schemas import BeginIn
from catalog.runs.shell.tables import ShellRun
from catalog.runs.tables import ACTIVE_STATES, Hold, Run, RunStep
from catalog.tools.manifest import manifest_of
from catalog.tools.tables import ToolRevision

KEY_BYTES = 32
VERIFY = "verify"


async def begin(session: AsyncSession, asked: BeginIn, principal: Principal) -> tuple[Run, str]:
    """Start the run whose playbook the shell does; give it with the shell's key. Workers do its other steps.

    With `check`, and for a verify, which the shell does without the comparisons, the playbook is the only step, and the
    instance's state stays as it is. Raises `Forbidden`,
    `NotFound`, `ActionNotOffered`, `InstanceNotReady`, `SubjectHeld`, `RunsHeld`, `HostBusy`.
    """
    principal.require("operator")
    instance = await session.scalar(sa.select(Instance).where(Instance.id == asked.instance).with_for_update())
    if instance is None:
        raise NotFound
    try:
        run = await _start(session, instance, asked, principal.actor)
    except SubjectBusy as error:
        raise await _held_by(session, instance.id) from error
    run.definition, run.verbosity = DEFINITION, asked.verbosity
    await session.execute(
        sa.update(RunStep)
        .where(RunStep.run_id == run.id, RunStep.name == step_of(asked.playbook))
        .values(queue=SHELL)
        .execution_options(synchronize_session=False)
    )
    await _require_admission(session, run)
    return run, await _give_key(session, run, instance, asked.shell)


def step_of(playbook: str) -> str:
    """Name the step that runs this playbook."""
    return playbook if playbook in PLAYBOOK_STEPS else OWN_ACTION


def action_of(playbook: str, state: str) -> str:
    """Name the action that a playbook does on an instance in this state: the one of its name, but for a resumption."""
    return "resume" if (playbook, state) == ("provision", "suspended") else playbook


async def _start(session: AsyncSession, instance: Instance, asked: BeginIn, actor: str) -> Run:
    revision = await session.get_one(ToolRevision, instance.desired_revision_id)
    declared = manifest_of(revision).actions.get(asked.playbook)
    if declared is None:
        raise ActionNotOffered(action=asked.playbook, tool=instance.tool_slug)
    action = action_of(asked.playbook, instance.state)
    if not asked.check and action != VERIFY:
        return await start_instance_run(session, instance, action, requested_by=actor)
    if cast("State", instance.state) not in moves_of(action).begin:
        raise InstanceNotReady(action=action, state=instance.state)
    site = await site_of(session, instance.host_id)
    return await start_run(
        session,
        subject_kind="instance",
        subject_id=instance.id,
        member_id=instance.member_id,
        action=action,
        input=instance_input(instance, applied=action == VERIFY) | ({"check": True} if asked.check else {}),
        requested_by=actor,
        steps=[StepPlan(step_of(asked.playbook), SHELL, declared.timeout_minutes * 60)],
        place=Place(site.id, instance.host_id, instance.tool_slug),
    )


async def _give_key(session: AsyncSession, run: Run, instance: Instance, shell: str) -> str:
    key = secrets.token_urlsafe(KEY_BYTES)
    session.add(ShellRun(run_id=run.id, member_id=instance.member_id, shell=shell, key_digest=digest_of(key)))
    await session.flush()
    return key


def digest_of(key: str) -> bytes:
    """Give what is kept of a shell's key."""
    return hashlib.sha256(key.encode()).digest()


async def _held_by(session: AsyncSession, subject_id: UUID) -> SubjectBusy:
    """Say whose run acts on the subject, and since when."""
    run = await session.scalar(sa.select(Run).where(Run.subject_id == subject_id, Run.state.in_(ACTIVE_STATES)))
    if run is None:  # it has ended since
        return SubjectBusy()
    return SubjectHeld(
        who=await name_of(session, run.requested_by),
        action=run.action,
        since=f"{run.started_at or run.created_at:%Y-%m-%d %H:%M:%S} UTC",
        run=run.id,
        state=run.state,
        where=f", {run.worker}" if run.worker else "",
    )


async def name_of(session: AsyncSession, actor: str) -> str:
    """Give a person's name for what the audit trail calls them; anything else as it is."""
    kind, _, person_id = actor.partition(":")
    if kind != "person":
        return actor
    return await session.scalar(sa.select(Person.name).where(Person.id == UUID(person_id))) or actor


async def _require_admission(session: AsyncSession, run: Run) -> None:
    """Refuse at once what would have to wait: somebody sits before it. Raises `RunsHeld`, `HostBusy`."""
    await session.flush()
    if await session.scalar(sa.select(Run.id).where(Run.id == run.id, admissible())):
        return
    hold = await session.scalar(sa.select(Hold).where(Run.id == run.id, holds_it()).limit(1))
    if hold is None:
        raise HostBusy
    raise RunsHeld(
        who=await name_of(session, hold.placed_by),
        scope=hold.scope,
        since=f"{hold.created_at:%Y-%m-%d %H:%M} UTC",
        reason=hold.reason,
    )
