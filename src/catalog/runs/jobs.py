"""How a worker hears of a run: a job of the queue, put there in the transaction that it tells of."""

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

TASK = "catalog.run"

_DEFER = sa.text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, :priority, NULL, NULL, :args, :due_at)"
    "::procrastinate_job_to_defer_v1])"
).bindparams(
    sa.bindparam("queue", type_=sa.String()),
    sa.bindparam("task", type_=sa.String()),
    sa.bindparam("priority", type_=sa.Integer()),
    sa.bindparam("args", type_=JSONB()),
    sa.bindparam("due_at", type_=sa.DateTime(timezone=True)),
)


async def defer(
    session: AsyncSession, run_id: UUID, queue: str, *, priority: int = 0, due_at: dt.datetime | None = None
) -> None:
    """Tell the workers of `queue` that `run_id` has something to do, at `due_at` or at once; commits with `session`."""
    await session.execute(
        _DEFER,
        {
            "queue": queue,
            "task": TASK,
            "priority": priority,
            "args": {"run_id": str(run_id)},
            "due_at": due_at,
        },
    )
