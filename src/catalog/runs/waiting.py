"""Why a run has not begun or does not go on, in words for whoever waits."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.runs.admission import holds_it
from catalog.runs.schemas import WaitOut
from catalog.runs.tables import Hold, Run


async def what_they_wait_for(session: AsyncSession, runs: Sequence[Run]) -> dict[UUID, list[WaitOut]]:
    """Say for each run that is not being worked on what it waits for; empty for those that wait for nothing.

    Who else acts on the host is not looked at: whoever asks may not see the others' runs.
    """
    waits: dict[UUID, list[WaitOut]] = {run.id: [] for run in runs}
    unadmitted = [run for run in runs if run.state in {"queued", "waiting"} and run.admitted_at is None]
    for run_id, hold in await _holds_on(session, [run.id for run in unadmitted]):
        waits[run_id].append(WaitOut("hold", reason=hold.reason, since=hold.created_at, scope=hold.scope))
    for run in runs:
        if run.state == "waiting":
            waits[run.id].append(WaitOut("next-try", until=run.due_at))
        elif run.state == "queued" and not waits[run.id]:
            waits[run.id].append(WaitOut("turn", since=run.due_at))
    return waits


async def _holds_on(session: AsyncSession, run_ids: Sequence[UUID]) -> list[tuple[UUID, Hold]]:
    if not run_ids:
        return []
    rows = await session.execute(
        sa.select(Run.id, Hold).join(Hold, holds_it()).where(Run.id.in_(run_ids)).order_by(Hold.id)
    )
    return [(row[0], row[1]) for row in rows]
