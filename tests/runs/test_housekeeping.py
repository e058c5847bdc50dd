"""What workers look after in the database."""

import sqlalchemy as sa

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.recovery import keep_house


async def test_jobs_that_ended_long_ago_are_deleted_and_others_stay(worker_database: Database) -> None:
    async with worker_database.begin(OPERATOR) as session:
        for age in ("2 days", "1 hour"):
            job = await session.scalar(
                sa.text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('core', :task, 'succeeded')"
                    " RETURNING id"
                ),
                {"task": age},
            )
            await session.execute(
                sa.text(
                    "INSERT INTO procrastinate_events (job_id, type, at)"
                    " VALUES (:job, 'succeeded', now() - CAST(CAST(:age AS text) AS interval))"
                ),
                {"job": job, "age": age},
            )
            await session.execute(
                sa.text("DELETE FROM procrastinate_events WHERE job_id = :job AND at > now() - interval '1 minute'"),
                {"job": job},
            )
    await keep_house(worker_database, events_kept_days=400)
    async with worker_database.begin(OPERATOR) as session:
        assert list(await session.scalars(sa.text("SELECT task_name FROM procrastinate_jobs"))) == ["1 hour"]
