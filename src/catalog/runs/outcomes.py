"""What a run's end means for its subject, written in the transaction that ends it."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.lifecycle import State, moves_of
from catalog.instances.tables import Instance
from catalog.platform import audit, outbox
from catalog.platform.clock import now
from catalog.runs.admission import wake_next
from catalog.runs.comparison import Comparison, comparison_in
from catalog.runs.events import Line, append
from catalog.runs.tables import Run, RunStep

ACTOR = "worker"
APPLYING = frozenset({"provision", "update", "upgrade", "reconcile", "resume"})
"""The actions that set up what is desired."""
DRIFT = "drift"
"""The attention that an instance needs which is not as it was last set up."""


async def lock_subject(session: AsyncSession, run: Run) -> None:
    """Lock the subject before the run's row is changed.

    Whoever starts a run locks the instance and then meets the unique index of active runs: in the other order the two
    would wait for each other.
    """
    if run.subject_kind == "instance":
        with session.no_autoflush:
            await session.execute(sa.select(Instance.id).where(Instance.id == run.subject_id).with_for_update())


async def end_run(  # noqa: PLR0913 - how it ended, in what was told of it
    session: AsyncSession,
    run: Run,
    state: str,
    error: dict[str, Any] | None,
    lines: Sequence[Line] = (),
    *,
    actor: str = ACTOR,
) -> None:
    """End a run, whose row the transaction holds, with its last lines, and bring its subject to where that leaves it.

    `error` is as it is stored: a problem as JSON, bounded.
    """
    await lock_subject(session, run)
    run.state, run.error, run.ended_at = state, error, now()
    run.lease_until = run.admitted_at = run.stop = None
    await _settle(session, run, actor)
    ended = {"state": run.state} | ({} if run.error is None else {"error": run.error})
    await append(session, run, [*lines, ("run.ended", ended)])
    await wake_next(session, run)


async def _settle(session: AsyncSession, run: Run, actor: str) -> None:
    """Bring the subject to where the run's end leaves it, and tell the audit trail and the slices above."""
    if run.subject_kind == "instance" and run.action != "plan" and not run.input.get("check"):
        await _settle_instance(session, run)
    audit.record(
        session,
        actor=actor,
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
    state = cast("State", instance.state)
    moves = moves_of(run.action)
    if run.undoes and run.state == "abandoned":
        instance.state, instance.attention = "removed", None
    elif run.action == "verify" and (found := await _compared(session, run)).is_complete and found.differs:
        if instance.attention != DRIFT:
            _tell_of_drift(session, run, found)
        instance.attention = DRIFT
    elif run.state == "succeeded":
        instance.state = moves.done or state
        instance.attention = _attention_after(run, instance.attention)
        instance.found_version = _version_found(run) or instance.found_version
        if run.action in APPLYING:
            instance.applied_revision_id = UUID(run.input["revision_id"])
            instance.applied_parameters = run.input["parameters"]
            instance.applied_at = now()
    else:
        instance.state = moves.failed.get(state, state)
        instance.attention = f"{run.action}-{run.state}"
        if run.state == "abandoned" and run.action in APPLYING and instance.applied_revision_id is not None:
            instance.desired_revision_id = instance.applied_revision_id
            instance.desired_parameters = instance.applied_parameters or {}
    instance.version += 1


def _attention_after(run: Run, before: str | None) -> str | None:
    """Say what a person should look at after a run that succeeded: what it did not mend stays said."""
    if run.action in APPLYING:
        # What somebody changed by hand is why a reconcile was asked for.
        return "changed-by-hand" if run.action != "reconcile" and _changed_by_hand(run) else None
    if run.action == "deprovision" or (before or "").startswith(f"{run.action}-"):
        return None
    return None if run.action == "verify" and before == DRIFT else before


async def _compared(session: AsyncSession, run: Run) -> Comparison:
    steps = await session.scalars(sa.select(RunStep).where(RunStep.run_id == run.id, RunStep.state == "done"))
    return comparison_in({step.name: step.output or {} for step in steps})


def _tell_of_drift(session: AsyncSession, run: Run, found: Comparison) -> None:
    host = [] if found.host is None else found.host.changes
    outbox.emit(
        session,
        "instance.drifted",
        {
            "run_id": str(run.id),
            "instance_id": str(run.subject_id),
            "member_id": str(run.member_id),
            "sign_on": [one.name or one.code for one in found.sign_on or []],
            "files": [file for change in host for file in change.files],
            "units": [unit.unit for change in host for unit in change.units],
            "tasks": [change.task for change in host],
        },
    )


def _version_found(run: Run) -> str | None:
    """Give the tool's version that the run's playbooks found on the host: the last of them is the one that counts."""
    result = run.result or {}
    found = [result[name].get("version") for name in ("verify", "provision") if name in result]
    return next((version for version in found if isinstance(version, str)), None)


def _changed_by_hand(run: Run) -> bool:
    return any(output.get("changed_by_hand") for output in (run.result or {}).values())
