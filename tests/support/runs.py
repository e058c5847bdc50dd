"""Runs as workers leave them, written by the worker's own role: the API only reads them."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.events import append
from catalog.runs.tables import Run, RunStep, StepTry

PROBLEM: dict[str, Any] = {
    "code": "playbook-failed",
    "title": {"en": "The playbook failed", "fr": "Le livret a échoué"},
    "detail": {"en": "Look at its last lines.", "fr": "Voyez ses dernières lignes."},
    "step": "provision",
    "task": "Install DokuWiki",
    "host": "vancouver-1",
    "message": "No package matching 'dokuwiki' is available",
}


async def tell(worker_database: Database, run_id: str, *texts: str) -> None:
    """Add lines to a run's story, as a worker does."""
    async with worker_database.begin(OPERATOR) as session:
        run = (await session.scalars(sa.select(Run).where(Run.id == UUID(run_id)).with_for_update())).one()
        await append(session, run, [("output", {"text": text}) for text in texts])


async def end(worker_database: Database, run_id: str, state: str, *texts: str, error: bool = False) -> None:
    """End a run with its last lines, in one transaction."""
    async with worker_database.begin(OPERATOR) as session:
        run = (await session.scalars(sa.select(Run).where(Run.id == UUID(run_id)).with_for_update())).one()
        await append(session, run, [("output", {"text": text}) for text in texts])
        run.state, run.ended_at = state, now()
        run.error = PROBLEM if error else None


async def fail_second_step(worker_database: Database, run_id: str) -> None:
    """Leave a run whose first step is done and whose second one failed on its first try."""
    async with worker_database.begin(OPERATOR) as session:
        steps = (
            await session.scalars(sa.select(RunStep).where(RunStep.run_id == UUID(run_id)).order_by(RunStep.position))
        ).all()
        steps[0].state, steps[1].state = "done", "failed"
        for step, outcome, error in ((steps[0], "done", None), (steps[1], "failed", PROBLEM)):
            session.add(
                StepTry(
                    run_id=step.run_id,
                    position=step.position,
                    attempt=step.position,
                    member_id=step.member_id,
                    worker="worker-1",
                    ended_at=now(),
                    outcome=outcome,
                    error=error,
                )
            )
    await end(worker_database, run_id, "failed", error=True)
