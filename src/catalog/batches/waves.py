"""Waves: a batch's next runs begin once all that began before have ended.

One transaction a wave, under the batch's locked row: a worker that dies in it has begun nothing, and of two workers one
finds the row locked and leaves it alone.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.batches import service
from catalog.batches.lifecycle import UNDER_WAY, UNSUCCESSFUL, Standing, too_many_failures
from catalog.batches.reading import standing_counts
from catalog.batches.schemas import StoredProblem, stored
from catalog.batches.tables import Batch, BatchItem
from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.errors import CatalogError
from catalog.platform.i18n import Text
from catalog.runs.actions import Wanted, begin
from catalog.runs.errors import SubjectBusy
from catalog.runs.service import BATCH
from catalog.runs.tables import ACTIVE_STATES, Run

ACTOR = "worker"
LOOK_SECONDS = 2.0
MOST_LOOKED_AT = 100

log = structlog.get_logger()

_TOO_MANY = Text(
    en="{failures} of the {ended} runs that ended did not succeed, which is more than {percent} %. Look at them before"
    " you run them again.",
    fr="{failures} des {ended} exécutions terminées n’ont pas réussi, soit plus de {percent} %. Examinez-les avant de"
    " les relancer.",
)


async def advance_all(database: Database) -> None:
    """Bring each batch that is running as far as it can go now. One that breaks is logged, and tried the next time."""
    async with database.begin(OPERATOR) as session:
        running = (await session.scalars(sa.select(Batch.id).where(Batch.state == "running").order_by(Batch.id))).all()
    for batch_id in running:
        try:
            while await advance(database, batch_id):
                pass
        except Exception:  # whatever it was, the other batches are to go on
            log.exception("batch.broken", batch_id=str(batch_id))


async def advance(database: Database, batch_id: UUID) -> bool:
    """End a batch, or begin its next wave, where the one before has ended; tell whether to look again at once."""
    async with database.begin(OPERATOR) as session:
        batch = await session.scalar(
            sa.select(Batch).where(Batch.id == batch_id, Batch.state == "running").with_for_update(skip_locked=True)
        )
        if batch is None:
            return False
        counts = (await standing_counts(session, [batch.id]))[batch.id]
        if _sum(counts, UNDER_WAY):
            return False
        failures = _sum(counts, UNSUCCESSFUL)
        ended = failures + counts.get("succeeded", 0)
        if too_many_failures(failures, ended, batch.stop_at_percent):
            await _stop(session, batch, failures, ended)
            return False
        if not counts.get("pending"):
            await service.change(session, batch, "finish", actor=ACTOR)
            log.info("batch.done", batch_id=str(batch.id))
            return False
        return await _begin_wave(session, batch)


async def _stop(session: AsyncSession, batch: Batch, failures: int, ended: int) -> None:
    problem = StoredProblem(
        code="too-many-failures",
        title=Text(en="Too many of its runs failed", fr="Trop de ses exécutions ont échoué"),
        detail=_TOO_MANY.filled(failures=failures, ended=ended, percent=batch.stop_at_percent),
    )
    await service.change(session, batch, "stop", actor=ACTOR, problem=problem)
    log.warning("batch.stopped", batch_id=str(batch.id), failures=failures, ended=ended)


async def _begin_wave(session: AsyncSession, batch: Batch) -> bool:
    """Begin as many runs as the wave has; tell whether some were looked at and left out, but none begun."""
    wanted = msgspec.convert(batch.input, Wanted)
    size, batch_id, wave = batch.wave_size if batch.waves else batch.first_size, batch.id, batch.waves + 1
    changes: list[dict[str, Any]] = []
    begun = 0
    for instance in await _next(session, batch_id):
        row = {"batch_id": batch_id, "instance_id": instance.id}
        try:
            async with session.begin_nested():
                run = await begin(
                    session, instance, wanted, actor=batch.requested_by, priority=BATCH, batch_id=batch_id
                )
        except SubjectBusy:
            continue
        except CatalogError as refused:
            changes.append({**row, "state": "left-out", "wave": None, "run_id": None, "problem": stored(refused)})
            continue
        changes.append({**row, "state": "begun", "wave": wave, "run_id": run.id, "problem": None})
        begun += 1
        if begun == size:
            break
    if changes:
        await session.execute(sa.update(BatchItem), changes)
    if begun:
        batch.waves = wave
        log.info("batch.wave_begun", batch_id=str(batch_id), wave=wave, runs=begun)
    return bool(changes) and not begun


async def _next(session: AsyncSession, batch_id: UUID) -> Sequence[Instance]:
    """Lock the next instances on which nothing acts; those that somebody just holds come another time."""
    acting = sa.select(Run.id).where(Run.subject_id == Instance.id, Run.state.in_(ACTIVE_STATES))
    found = await session.scalars(
        sa.select(Instance)
        .join(BatchItem, BatchItem.instance_id == Instance.id)
        .where(BatchItem.batch_id == batch_id, BatchItem.state == "pending", ~sa.exists(acting))
        .order_by(BatchItem.instance_id)
        .limit(MOST_LOOKED_AT)
        .with_for_update(of=Instance, skip_locked=True)
    )
    return found.all()


def _sum(counts: dict[Standing, int], of: frozenset[Standing]) -> int:
    return sum(counts.get(one, 0) for one in of)
