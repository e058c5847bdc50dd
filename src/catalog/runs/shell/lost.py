"""Shells that are gone: what they ran on the host is ended, and their runs say what happened.

No worker does a shell's step. It takes the attempt that comes next, so that the host refuses the shell's own commands,
and writes that the step failed.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.admission import next_queue
from catalog.runs.attempts import lease_is_over
from catalog.runs.context import Step, StepContext
from catalog.runs.definitions import PLAYBOOK_STEPS, SHELL, site_queue
from catalog.runs.engine import Engine
from catalog.runs.failures import StepFailed
from catalog.runs.shell.problems import GONE, GONE_UNSURE, NO_SHELL
from catalog.runs.shell.tables import ShellRun
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.playbooks import end_on_host
from catalog.runs.tables import ACTIVE_STATES, Run, StepTry
from catalog.sites.tables import Site

LOOK_SECONDS = 2.0
GRACE = sa.text("interval '30 seconds'")
"""How long a step may wait for its shell, which asks every second."""
KEPT = sa.text("interval '10 minutes'")
"""How long a shell may ask again how its run has ended."""


class LostShells:
    """Ends what shells left behind at the sites that a worker works for; no queue named: at all."""

    def __init__(self, database: Database, parts: Parts, *, queues: Sequence[str], worker: str) -> None:
        self._database = database
        self._queues = queues
        steps = dict.fromkeys(PLAYBOOK_STEPS, _gone(parts))
        self._engine = Engine(database, steps, worker=worker, may=lost())

    async def end_all(self) -> None:
        """End every run whose shell is gone, and forget the shells of runs that ended a while ago."""
        async with self._database.begin(OPERATOR) as session:
            await session.execute(_forget())
            found = list(await session.scalars(self._found()))
        for run_id in found:
            await self._engine.work(run_id)

    def _found(self) -> sa.Select[Any]:
        found = sa.select(Run.id).join(Site, Site.id == Run.site_id).where(Run.state.in_(ACTIVE_STATES), lost())
        slugs = [queue.removeprefix(site_queue("")) for queue in self._queues]
        return found.where(Site.slug.in_(slugs)) if self._queues else found


def lost() -> sa.ColumnElement[bool]:
    """Say of a run that its next step is a shell's, which has let its lease run out, never came, or had its turn."""
    still_to_come = sa.exists().where(ShellRun.run_id == Run.id, ShellRun.attempt.is_(None)).correlate(Run)
    too_late = Run.due_at < sa.func.clock_timestamp() - GRACE
    waits_in_vain = sa.and_(Run.state.in_(("queued", "waiting")), sa.or_(~still_to_come, too_late))
    return sa.and_(next_queue() == SHELL, sa.or_(lease_is_over(), waits_in_vain))


def _gone(parts: Parts) -> Step:
    end = end_on_host(parts)

    async def do(context: StepContext) -> dict[str, Any]:
        certain = await end(context)
        if not certain:
            raise StepFailed(GONE_UNSURE)
        raise StepFailed(GONE if await _was_interrupted(context) else NO_SHELL)

    return Step(do, end)


async def _was_interrupted(context: StepContext) -> bool:
    """Tell whether the try before this one was a shell's that went away."""
    before = (
        sa.select(StepTry.outcome)
        .where(
            StepTry.run_id == context.claim.run_id,
            StepTry.position == context.claim.position,
            StepTry.attempt < context.claim.attempt,
        )
        .order_by(StepTry.attempt.desc())
        .limit(1)
    )
    async with context.database.begin(OPERATOR) as session:
        return await session.scalar(before) == "interrupted"


def _forget() -> sa.Delete:
    ended = sa.select(Run.id).where(Run.state.not_in(ACTIVE_STATES), Run.ended_at < sa.func.clock_timestamp() - KEPT)
    return sa.delete(ShellRun).where(ShellRun.run_id.in_(ended)).execution_options(synchronize_session=False)
