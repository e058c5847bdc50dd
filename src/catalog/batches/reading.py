"""Reading batches, how their instances stand, and what a batch would come to."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Literal, cast
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.batches import service
from catalog.batches.errors import NoInstances
from catalog.batches.lifecycle import Standing, State
from catalog.batches.schemas import (
    BatchDryRun,
    BatchLinks,
    BatchOut,
    Foreseen,
    ItemOut,
    NewBatch,
    ProblemOut,
    problem_out,
    stored,
)
from catalog.batches.selection import BatchFilter
from catalog.batches.tables import Batch, BatchItem
from catalog.instances.service import rows_by_id
from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.errors import CatalogError, NotFound
from catalog.platform.http.pages import PageRequest, paginate
from catalog.platform.i18n import Language
from catalog.runs.actions import Wanted, check
from catalog.runs.errors import SubjectBusy
from catalog.runs.tables import ACTIVE_STATES, Run

_AT_ONCE = 200
_STANDING = sa.case((BatchItem.state == "begun", Run.state), else_=BatchItem.state)


async def batch_by_id(session: AsyncSession, batch_id: UUID) -> Batch:
    """Give a batch. Raises `NotFound`."""
    found = await session.get(Batch, batch_id)
    if found is None:
        raise NotFound
    return found


async def standing_counts(session: AsyncSession, batch_ids: Sequence[UUID]) -> dict[UUID, dict[Standing, int]]:
    """Count how the instances of these batches stand now."""
    rows = await session.execute(
        sa.select(BatchItem.batch_id, _STANDING, sa.func.count())
        .outerjoin(Run, Run.id == BatchItem.run_id)
        .where(BatchItem.batch_id.in_(batch_ids))
        .group_by(BatchItem.batch_id, _STANDING)
    )
    counts: dict[UUID, dict[Standing, int]] = {batch_id: {} for batch_id in batch_ids}
    for batch_id, standing, count in rows:
        counts[batch_id][cast("Standing", standing)] = count
    return counts


async def list_batches(
    session: AsyncSession, state: State | None, page: PageRequest, language: Language
) -> tuple[list[BatchOut], str | None]:
    """Give one page of batches, newest first, and the next page's `after` where there is one."""
    statement = sa.select(Batch) if state is None else sa.select(Batch).where(Batch.state == state)
    found, following = await paginate(session, statement, Batch.id, page)
    return await batches_out(session, found, language), following


async def batches_out(session: AsyncSession, batches: Sequence[Batch], language: Language) -> list[BatchOut]:
    """Write batches for the API, in one query a kind of what is told beside them."""
    ids = [batch.id for batch in batches]
    counts = await standing_counts(session, ids)
    rows = await session.execute(sa.select(Batch.retry_of, Batch.id).where(Batch.retry_of.in_(ids)))
    retried = {row[0]: row[1] for row in rows}
    return [_out(batch, counts[batch.id], retried.get(batch.id), language) for batch in batches]


async def list_items(
    session: AsyncSession, batch_id: UUID, standing: Standing | None, page: PageRequest, language: Language
) -> tuple[list[ItemOut], str | None]:
    """Give one page of a batch's instances, the last in its order first. Raises `NotFound`."""
    await batch_by_id(session, batch_id)
    statement = sa.select(BatchItem).outerjoin(Run, Run.id == BatchItem.run_id).where(BatchItem.batch_id == batch_id)
    if standing is not None:
        statement = statement.where(_STANDING.in_([standing]))
    items, following = await paginate(session, statement, BatchItem.instance_id, page)
    instances = await rows_by_id(session, Instance, (item.instance_id for item in items))
    members = await rows_by_id(session, Member, (item.member_id for item in items))
    runs = await rows_by_id(session, Run, (item.run_id for item in items))
    return [
        ItemOut(
            instance=item.instance_id,
            hostname=instances[item.instance_id].hostname,
            member=members[item.member_id].alias,
            state=cast("Standing", item.state if item.run_id is None else runs[item.run_id].state),
            wave=item.wave,
            run=None if item.run_id is None else f"/v1/runs/{item.run_id}",
            problem=problem_out(item.problem, language),
        )
        for item in items
    ], following


async def dry_run(session: AsyncSession, asked: NewBatch, language: Language) -> BatchDryRun:
    """Say what a batch would do with each instance; changes nothing. Raises `InvalidInput`, `NoInstances`."""
    wanted = await service.settled(session, asked)
    acting = sa.exists(sa.select(Run.id).where(Run.subject_id == Instance.id, Run.state.in_(ACTIVE_STATES)))
    rows = await session.execute(
        sa.select(Instance, acting, Member.alias)
        .join(Member, Member.id == Instance.member_id)
        .where(*asked.filter.conditions())
        .order_by(Instance.id)
    )
    foreseen: list[Foreseen] = []
    for instance, busy, alias in rows:
        would, problem = await _foresee(session, instance, wanted, busy=busy, language=language)
        foreseen.append(Foreseen(instance.id, instance.hostname, alias, would, problem))
        if len(foreseen) % _AT_ONCE == 0:
            await asyncio.sleep(0)  # others are served too while thousands are checked
    if not foreseen:
        raise NoInstances
    counts = Counter[str](one.would for one in foreseen)
    return BatchDryRun(total=len(foreseen), counts=dict(counts), instances=foreseen)


async def _foresee(
    session: AsyncSession, instance: Instance, wanted: Wanted, *, busy: bool, language: Language
) -> tuple[Literal["begin", "wait", "leave-out"], ProblemOut | None]:
    if busy:
        return "wait", problem_out(stored(SubjectBusy()), language)
    try:
        await check(session, instance, wanted)
    except CatalogError as refused:
        return "leave-out", problem_out(stored(refused), language)
    return "begin", None


def _out(batch: Batch, counts: dict[Standing, int], retried_by: UUID | None, language: Language) -> BatchOut:
    wanted = msgspec.convert(batch.input, Wanted)
    return BatchOut(
        id=batch.id,
        state=cast("State", batch.state),
        action=batch.action,
        parameters=wanted.parameters,
        revision=wanted.revision,
        input=wanted.input,
        filter=msgspec.convert(batch.filter, BatchFilter),
        reason=batch.reason,
        first=batch.first_size,
        wave=batch.wave_size,
        stop_at_percent=batch.stop_at_percent,
        waves=batch.waves,
        total=sum(counts.values()),
        counts=counts,
        problem=problem_out(batch.problem, language),
        requested_by=batch.requested_by,
        created_at=batch.created_at,
        ended_at=batch.ended_at,
        links=BatchLinks(
            self=f"/v1/batches/{batch.id}",
            items=f"/v1/batches/{batch.id}/items",
            runs=f"/v1/runs?batch={batch.id}",
            retry_of=None if batch.retry_of is None else f"/v1/batches/{batch.retry_of}",
            retried_by=None if retried_by is None else f"/v1/batches/{retried_by}",
        ),
    )
