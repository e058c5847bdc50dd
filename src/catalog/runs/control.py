"""What people say to a run: stop, try again, give up. Each is one transaction under the run's locked row."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.lifecycle import moves_of
from catalog.instances.tables import Instance
from catalog.platform import audit
from catalog.platform.errors import NotFound
from catalog.runs.admission import next_queue
from catalog.runs.definitions import CORE, DEFINITION, UNDOING, plans
from catalog.runs.errors import RunNotEnded, RunNotOpenForThis, RunOver, RunSuperseded, RunTooOld
from catalog.runs.events import append
from catalog.runs.failures import CANCELLED
from catalog.runs.jobs import defer
from catalog.runs.outcomes import end_run, lock_subject
from catalog.runs.reading import events_kept
from catalog.runs.service import add_steps, site_of
from catalog.runs.tables import ACTIVE_STATES, OPEN_STEPS, Run, RunStep, StepTry
from catalog.tools.manifest import manifest_of
from catalog.tools.tables import ToolRevision

Stop = Literal["at-next-task", "now"]
MOST_VERBOSE = 4
_NOT_WELL = frozenset({"failed", "cancelled"})


async def cancel(session: AsyncSession, run_id: UUID, *, stop: Stop, actor: str) -> Run:
    """Stop a run: before its next task or step, or at once, which ends what it runs on its host too.

    A run of which nothing was begun yet has ended when this returns; else its worker ends it, and where that one is
    gone, the next. Asking again changes nothing, but `now` goes before `at-next-task`. Raises `NotFound`, `RunOver`.
    """
    run = await _locked(session, run_id)
    if run.state not in ACTIVE_STATES:
        raise RunOver(state=run.state)
    _record(session, run, actor, "run.cancel-asked", {"stop": stop})
    if run.state != "running" and not await _has_begun(session, run):
        await end_run(session, run, "cancelled", CANCELLED.as_json(), actor=actor)
        return run
    if run.stop != "now":
        run.stop = stop
    await append(session, run, [("run.stopping", {"stop": run.stop, "by": actor})])
    if run.state != "running":
        await _hand_over(session, run)
    return run


async def retry(session: AsyncSession, run_id: UUID, *, verbosity: int, actor: str) -> Run:
    """Try a run again from the step that failed or was stopped; what is done is not done again.

    `verbosity` is how many `-v` Ansible is given, up to 4. Raises `NotFound`, `RunNotEnded`, `RunNotOpenForThis`,
    `RunSuperseded`, `RunTooOld`.
    """
    run = await _ended_badly(session, run_id)
    for step in await _steps(session, run):
        if step.state in OPEN_STEPS:
            step.state = "pending"
    run.verbosity, run.tries_from = verbosity, run.attempt
    await _move_instance(session, run)
    await append(session, run, [("run.retried", {"by": actor, "verbosity": verbosity})])
    _record(session, run, actor, "run.retried", {"verbosity": verbosity})
    await _hand_over(session, run)
    return run


async def abandon(session: AsyncSession, run_id: UUID, *, actor: str) -> Run:
    """Give a run up. It takes back what it alone had made, and nothing that was there before it.

    A first provision goes on as steps that remove all that it made, and is `abandoned` at their end. Everything else
    is `abandoned` at once: what it worked on stays, is desired as it was last set up, and says that it needs attention.
    Raises `NotFound`, `RunNotEnded`, `RunNotOpenForThis`, `RunSuperseded`, `RunTooOld`.
    """
    run = await _ended_badly(session, run_id)
    _record(session, run, actor, "run.abandon-asked", {})
    if not await _made_all_of_it(session, run):
        await end_run(session, run, "abandoned", run.error, actor=actor)
        return run
    if not run.undoes:
        await _add_undoing(session, run)
    await _move_instance(session, run)
    await append(session, run, [("run.undoing", {"by": actor})])
    run.tries_from = run.attempt
    await _hand_over(session, run)
    return run


async def _locked(session: AsyncSession, run_id: UUID) -> Run:
    """Lock the run and then its subject, in the order of those who end runs. Raises `NotFound`.

    The run is this version's from now on: a worker that does not know what can be said to runs leaves it alone.
    """
    run = await session.scalar(
        sa.select(Run).where(Run.id == run_id).with_for_update().execution_options(populate_existing=True)
    )
    if run is None:
        raise NotFound
    await lock_subject(session, run)
    run.definition = DEFINITION
    return run


async def _ended_badly(session: AsyncSession, run_id: UUID) -> Run:
    run = await _locked(session, run_id)
    if run.state in ACTIVE_STATES:
        raise RunNotEnded(state=run.state)
    if run.state not in _NOT_WELL:
        raise RunNotOpenForThis(state=run.state)
    if not await events_kept(session, run.id, run.last_sequence):
        raise RunTooOld
    newer = await session.scalar(
        sa.select(Run.id)
        .where(Run.subject_id == run.subject_id, Run.id > run.id, Run.action != "plan")
        .order_by(Run.id.desc())
        .limit(1)
    )
    if newer is not None:
        raise RunSuperseded(run=newer)
    return run


async def _has_begun(session: AsyncSession, run: Run) -> bool:
    """Tell whether a try at the step that comes next was made: then something of it may still go on outside."""
    following = (
        sa.select(RunStep.position)
        .where(RunStep.run_id == run.id, RunStep.state.in_(OPEN_STEPS))
        .order_by(RunStep.position)
        .limit(1)
        .scalar_subquery()
    )
    found = await session.scalar(
        sa.select(sa.func.count()).where(StepTry.run_id == run.id, StepTry.position == following)
    )
    return bool(found)


async def _made_all_of_it(session: AsyncSession, run: Run) -> bool:
    """Tell whether there was nothing of the instance before this run."""
    if run.subject_kind != "instance" or run.action != "provision":
        return False
    instance = await session.get_one(Instance, run.subject_id)
    return instance.applied_revision_id is None


async def _add_undoing(session: AsyncSession, run: Run) -> None:
    steps = await _steps(session, run)
    for step in steps:
        if step.state in OPEN_STEPS:
            step.state = "skipped"
    revision = await session.get_one(ToolRevision, UUID(run.input["revision_id"]))
    site = await site_of(session, UUID(run.input["host_id"]))
    undoing = plans(UNDOING, site.slug, manifest_of(revision).actions)
    add_steps(session, run, undoing, after=steps[-1].position)
    run.undoes = True


async def _move_instance(session: AsyncSession, run: Run) -> None:
    """Bring the instance to the state that it has while the run acts on it."""
    if run.subject_kind != "instance":
        return
    instance = await session.get_one(Instance, run.subject_id)
    moves = moves_of("deprovision" if run.undoes else run.action)
    begun = {before: during for before, during in moves.begin.items() if before == instance.state}
    if instance.state in begun and begun[instance.state] != instance.state:
        instance.state = begun[instance.state]
        instance.version += 1


async def _hand_over(session: AsyncSession, run: Run) -> None:
    """Let a worker take the run up now."""
    run.state, run.due_at = "queued", sa.func.clock_timestamp()
    run.worker = run.lease_until = run.ended_at = run.error = None
    await session.flush()
    queue = await session.scalar(sa.select(next_queue()).select_from(Run).where(Run.id == run.id))
    await defer(session, run.id, queue or CORE, priority=run.priority)


async def _steps(session: AsyncSession, run: Run) -> list[RunStep]:
    found = await session.scalars(sa.select(RunStep).where(RunStep.run_id == run.id).order_by(RunStep.position))
    return list(found)


def _record(session: AsyncSession, run: Run, actor: str, action: str, details: Mapping[str, Any]) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject=(run.subject_kind, run.subject_id),
        member_id=run.member_id,
        details={"run_id": str(run.id), "action": run.action, **details},
    )
