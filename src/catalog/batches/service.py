"""Making batches, and steering them: each is one transaction under the batch's locked row."""

from typing import Any, cast
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.batches.errors import BatchNotEnded, BatchNotInState, BatchRetried, NoInstances, NothingFailed
from catalog.batches.lifecycle import FINAL, UNSUCCESSFUL, Move, State, after
from catalog.batches.schemas import NewBatch, StoredProblem
from catalog.batches.tables import Batch, BatchItem
from catalog.instances.changes import target_revision
from catalog.instances.tables import Instance
from catalog.platform import audit, outbox
from catalog.platform.clock import now
from catalog.platform.errors import FieldError, InvalidInput, NotFound
from catalog.platform.i18n import Text
from catalog.platform.ids import new_id
from catalog.runs import control
from catalog.runs.actions import REMOVE, UPDATE, UPGRADE, Wanted, misfits
from catalog.runs.definitions import INSTANCE_ACTIONS
from catalog.runs.tables import Run
from catalog.tools.tables import Tool

_NO_REASON = Text(
    en="Say why: whoever looks at it later reads this.", fr="Dites pourquoi : cela se lira plus tard avec le lot."
)
_NO_REMOVAL = Text(
    en="Instances are removed one by one, each at its own address.",
    fr="Les instances se retirent une à une, chacune à sa propre adresse.",
)
_WHICH_TOOL = Text(
    en="Name the tool: what goes with this action is that tool’s own.",
    fr="Nommez l’outil : ce qui accompagne cette action lui est propre.",
)
_UNKNOWN_TOOL = Text(en="There is no such tool.", fr="Cet outil n’existe pas.")
_NOT_BEGUN = StoredProblem(
    code="not-begun",
    title=Text(en="Its turn did not come", fr="Son tour n’est pas venu"),
    detail=Text(en="The batch ended before its wave.", fr="Le lot s’est terminé avant sa vague."),
)


async def settled(session: AsyncSession, asked: NewBatch) -> Wanted:
    """Check what can be checked before any instance is looked at, and settle which revision an upgrade goes to.

    So a batch goes to one revision, whatever is published meanwhile. Raises `InvalidInput`.
    """
    wanted = asked.wanted()
    wrong = list(misfits(wanted))
    if not asked.reason.strip():
        wrong.append(FieldError("/reason", "required", _NO_REASON))
    if wanted.action == REMOVE:
        wrong.append(FieldError("/action", "not-allowed", _NO_REMOVAL))
    tool = asked.filter.tool
    particular = wanted.action in {UPDATE, UPGRADE} or wanted.action not in INSTANCE_ACTIONS
    if tool is None and (particular or asked.filter.revision is not None):
        wrong.append(FieldError("/filter/tool", "required", _WHICH_TOOL))
    if tool is not None and await session.get(Tool, tool) is None:
        wrong.append(FieldError("/filter/tool", "unknown-tool", _UNKNOWN_TOOL))
    if wrong:
        raise InvalidInput(fields=tuple(wrong))
    if wanted.action == UPGRADE and tool is not None:
        target = await target_revision(session, tool, wanted.revision)
        return msgspec.structs.replace(wanted, revision=target.number)
    return wanted


async def make(session: AsyncSession, asked: NewBatch, *, actor: str) -> Batch:
    """Write a batch down with the instances that fit now; workers begin its waves.

    Raises `InvalidInput`, `NoInstances`.
    """
    wanted = await settled(session, asked)
    batch = Batch(
        id=new_id(),
        action=wanted.action,
        input=msgspec.to_builtins(wanted),
        filter=msgspec.to_builtins(asked.filter),
        reason=asked.reason.strip(),
        first_size=asked.first,
        wave_size=asked.wave,
        stop_at_percent=asked.stop_at_percent,
        requested_by=actor,
    )
    fitting = sa.select(sa.literal(batch.id), Instance.id, Instance.member_id, sa.literal("pending"))
    await _write(session, batch, fitting.where(*asked.filter.conditions()), none=NoInstances())
    return batch


async def retry(session: AsyncSession, batch_id: UUID, *, actor: str) -> Batch:
    """Make a batch of those alone that did not succeed in one that has ended; all else is as it was there.

    Raises `NotFound`, `BatchNotEnded`, `BatchRetried`, `NothingFailed`.
    """
    first = await locked(session, batch_id)
    if first.state not in FINAL:
        raise BatchNotEnded(state=first.state)
    newer = await session.scalar(sa.select(Batch.id).where(Batch.retry_of == first.id))
    if newer is not None:
        raise BatchRetried(batch=newer)
    batch = Batch(
        id=new_id(),
        action=first.action,
        input=first.input,
        filter=first.filter,
        reason=first.reason,
        first_size=first.first_size,
        wave_size=first.wave_size,
        stop_at_percent=first.stop_at_percent,
        requested_by=actor,
        retry_of=first.id,
    )
    failed = (
        sa.select(sa.literal(batch.id), BatchItem.instance_id, BatchItem.member_id, sa.literal("pending"))
        .join(Run, Run.id == BatchItem.run_id)
        .where(BatchItem.batch_id == first.id, Run.state.in_(UNSUCCESSFUL))
    )
    await _write(session, batch, failed, none=NothingFailed())
    return batch


async def steer(session: AsyncSession, batch_id: UUID, move: Move, *, actor: str) -> Batch:
    """Pause a batch, let it go on, or cancel it. Raises `NotFound`, `BatchNotInState`.

    Cancelling takes back the runs of which nothing has begun yet; the others go on to their end.
    """
    batch = await locked(session, batch_id)
    await change(session, batch, move, actor=actor)
    if move == "cancel":
        waiting = await session.scalars(
            sa.select(Run.id).where(Run.batch_id == batch.id, Run.state == "queued", Run.attempt == 0).order_by(Run.id)
        )
        for run_id in waiting.all():
            await control.cancel(session, run_id, stop="at-next-task", actor=actor)
    return batch


async def locked(session: AsyncSession, batch_id: UUID) -> Batch:
    """Lock a batch. Raises `NotFound`."""
    found = await session.get(Batch, batch_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


async def change(
    session: AsyncSession, batch: Batch, move: Move, *, actor: str, problem: StoredProblem | None = None
) -> None:
    """Bring a batch, whose row is locked, to another state, and tell of it. Raises `BatchNotInState`.

    What has not begun when it ends is left out.
    """
    state = after(move, cast("State", batch.state))
    if state is None:
        raise BatchNotInState(state=batch.state, move=move)
    batch.state = state
    batch.problem = None if problem is None else msgspec.to_builtins(problem)
    if state in FINAL:
        batch.ended_at = now()
        await session.execute(
            sa.update(BatchItem)
            .where(BatchItem.batch_id == batch.id, BatchItem.state == "pending")
            .values(state="left-out", problem=msgspec.to_builtins(_NOT_BEGUN))
        )
        outbox.emit(session, f"batch.{state}", {"batch_id": str(batch.id), "action": batch.action})
    details = {} if problem is None else {"problem": problem.code, "detail": problem.detail.en}
    _record(session, batch, f"batch.{state}" if move != "resume" else "batch.resumed", actor, details)
    await session.flush()


async def _write(
    session: AsyncSession, batch: Batch, chosen: sa.Select[UUID, UUID, UUID, str], *, none: Exception
) -> None:
    """Write the batch and its instances down in one statement each. Raises `none` where none was chosen."""
    session.add(batch)
    await session.flush()
    columns = ["batch_id", "instance_id", "member_id", "state"]
    written = await session.execute(insert(BatchItem).from_select(columns, chosen).returning(BatchItem.instance_id))
    count = len(written.all())
    if not count:
        raise none
    details = {"action": batch.action, "instances": count, "reason": batch.reason}
    _record(session, batch, "batch.made", batch.requested_by, details)
    await session.flush()


def _record(session: AsyncSession, batch: Batch, action: str, actor: str, details: dict[str, Any]) -> None:
    audit.record(session, actor=actor, action=action, subject=("batch", batch.id), details=details)
