"""Runs that wait in line for one host, as rows alone."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from tests.support.world import ACTOR, World

from catalog.members.tables import Member
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import new_id
from catalog.runs.attempts import Claim, claim_run, for_worker
from catalog.runs.definitions import StepPlan, host_steps_for, steps_for
from catalog.runs.service import PERSON, Place, start_run
from catalog.runs.tables import Hold, Run
from catalog.sites.tables import Host


@dataclass(frozen=True)
class Line:
    """One host, and runs on it. An instance's run is of an instance of its own each time."""

    database: Database
    worker_database: Database
    member: Member
    host: Host

    async def instance_run(self, *, priority: int = PERSON) -> UUID:
        steps = steps_for("verify", site_slug="vancouver")
        return await self._run("instance", new_id(), self.member.id, "verify", steps, priority)

    async def host_run(self, *, priority: int = PERSON) -> UUID:
        return await self._run("host", self.host.id, None, "patch", host_steps_for("patch", "vancouver"), priority)

    async def claim(self, run_id: UUID) -> Claim | None:
        return await claim_run(self.worker_database, run_id, worker="worker-1", may=for_worker(()))

    async def begins(self, run_id: UUID) -> bool:
        return await self.claim(run_id) is not None

    async def end(self, run_id: UUID) -> None:
        await self.change(run_id, state="succeeded", admitted_at=None)

    async def change(self, run_id: UUID, **values: object) -> None:
        async with self.worker_database.begin(OPERATOR) as session:
            await session.execute(sa.update(Run).where(Run.id == run_id).values(**values))

    async def take(self, most_runs: int) -> None:
        """Have the host take so many runs at once."""
        async with self.database.begin(OPERATOR) as session:
            await session.execute(sa.update(Host).values(most_runs=most_runs))

    async def hold(self, scope: str, target: str) -> None:
        async with self.database.begin(OPERATOR) as session:
            session.add(Hold(scope=scope, target=target, reason="A test.", placed_by=ACTOR))

    async def begun(self) -> list[Run]:
        async with self.worker_database.begin(OPERATOR) as session:
            return list(await session.scalars(sa.select(Run).where(Run.admitted_at.is_not(None))))

    async def _run(  # noqa: PLR0913, PLR0917 - the parts of one run
        self, kind: str, subject_id: UUID, member_id: UUID | None, action: str, steps: Sequence[StepPlan], priority: int
    ) -> UUID:
        async with self.database.begin(OPERATOR) as session:
            run = await start_run(
                session,
                subject_kind=kind,
                subject_id=subject_id,
                member_id=member_id,
                action=action,
                input={},
                requested_by=ACTOR,
                steps=steps,
                place=Place(self.host.site_id, self.host.id, None if kind == "host" else "notes"),
                priority=priority,
            )
        return run.id


async def line_at(world: World, worker_database: Database) -> Line:
    member = await world.member("birch")
    await world.site("vancouver")
    return Line(world.database, worker_database, member, await world.host("vancouver"))


LATER = dt.timedelta(hours=1)
