"""Instances whose time comes when a test says so."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from tests.engine.scripted import Scripted, instance_of
from tests.support.world import World

from catalog.calendar import keeping
from catalog.calendar.tables import Freeze
from catalog.calendar.weekly import Weekly
from catalog.instances.tables import EndNotice, Instance, Removal
from catalog.instances.targets import Scope
from catalog.members.tables import Member
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.outbox import OutboxEvent
from catalog.runs.tables import Run
from catalog.schedules import removals
from catalog.schedules.loop import run_schedules
from catalog.schedules.tables import Schedule
from catalog.sites.tables import Host, Site

GRACE = dt.timedelta(days=30)
PAST = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Due:
    """A member's instances on one host, and what is due for them."""

    world: World
    worker: Database
    scripted: Scripted
    member: Member
    site: Site
    host: Host

    async def running(self, name: str = "notes", **values: Any) -> Instance:
        """Give an instance that runs, with its schedules worked out."""
        instance = await self.scripted.provisioned(await instance_of(self.world, self.member, self.site, name))
        await self.change(instance, **values)
        await self.round()
        return await self.now(instance)

    async def change(self, instance: Instance, **values: Any) -> None:
        """Change an instance, as whoever changes one does."""
        statement = sa.update(Instance).where(Instance.id == instance.id)
        async with self.worker.begin(OPERATOR) as session:
            await session.execute(statement.values(version=Instance.version + 1, **values))

    async def round(self) -> int:
        """Have one worker do what is due."""
        return await run_schedules(self.worker)

    async def come(self, instance: Instance, task: str) -> None:
        """Let the time come at which something is tried."""
        moment = sa.func.clock_timestamp() - PAST
        async with self.worker.begin(OPERATOR) as session:
            await session.execute(
                sa.update(Schedule)
                .where(Schedule.instance_id == instance.id, Schedule.task == task)
                .values(next_at=moment)
            )

    async def schedule(self, instance: Instance, task: str) -> Schedule | None:
        """Read one."""
        async with self.worker.begin(OPERATOR) as session:
            return await session.scalar(
                sa.select(Schedule).where(Schedule.instance_id == instance.id, Schedule.task == task)
            )

    async def tasks(self, instance: Instance) -> set[str]:
        """Read what is due for an instance at all."""
        async with self.worker.begin(OPERATOR) as session:
            found = await session.scalars(sa.select(Schedule.task).where(Schedule.instance_id == instance.id))
            return set(found)

    async def runs(self, instance: Instance, action: str) -> list[Run]:
        """Read the runs of one action."""
        async with self.worker.begin(OPERATOR) as session:
            found = await session.scalars(
                sa.select(Run).where(Run.subject_id == instance.id, Run.action == action).order_by(Run.id)
            )
            return list(found)

    async def work(self, instance: Instance, action: str) -> Run:
        """Have a worker do the newest run of an action."""
        run = (await self.runs(instance, action))[-1]
        await self.scripted.work(run.id)
        return await self.scripted.run(run.id)

    async def now(self, instance: Instance) -> Instance:
        """Read an instance as it is now."""
        return await self.scripted.instance(instance)

    async def remove(self, instance: Instance, **named: Any) -> Removal:
        """Remove an instance with its grace time."""
        async with self.world.database.begin(OPERATOR) as session:
            found = await removals.locked_instance(session, instance.id)
            parts = {"reason": "The course is over.", "actor": "person:somebody", "grace": GRACE} | named
            return await removals.remove(session, found, **parts)

    async def take_back(self, instance: Instance) -> None:
        """Take a removal back."""
        async with self.world.database.begin(OPERATOR) as session:
            found = await removals.locked_instance(session, instance.id)
            await removals.take_back(session, found, actor="person:somebody")

    async def freeze(self, scope: Scope = "all", target: str | None = None) -> UUID:
        """Let nothing change for an hour."""
        async with self.world.database.begin(OPERATOR) as session:
            freeze, _ = await keeping.add_freeze(
                session,
                scope,
                target,
                starts_at=now() - PAST,
                ends_at=now() + dt.timedelta(hours=1),
                reason="Exams.",
                actor="person:somebody",
            )
            return freeze.id

    async def thaw(self, freeze_id: UUID) -> None:
        """Take a freeze away."""
        async with self.world.database.begin(OPERATOR) as session:
            await keeping.remove(session, Freeze, freeze_id, actor="person:somebody")

    async def window(self, opens_in: dt.timedelta, scope: Scope = "all", target: str | None = None) -> None:
        """Open a window of an hour, so long from now."""
        opens = (now() + opens_in).astimezone(self.site.zone)
        closes = opens + dt.timedelta(hours=1)
        weekly = Weekly(opens.isoweekday(), _minute(opens), _minute(closes))
        async with self.world.database.begin(OPERATOR) as session:
            await keeping.add_window(session, scope, target, weekly, actor="person:somebody")

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """Read what was told of one kind."""
        async with self.worker.begin(OPERATOR) as session:
            found = await session.scalars(
                sa.select(OutboxEvent.payload).where(OutboxEvent.kind == kind).order_by(OutboxEvent.id)
            )
            return list(found)

    async def notices(self, instance: Instance) -> list[tuple[dt.date, int]]:
        """Read the notices that were given."""
        async with self.worker.begin(OPERATOR) as session:
            rows = await session.execute(
                sa.select(EndNotice.ends_on, EndNotice.days)
                .where(EndNotice.instance_id == instance.id)
                .order_by(EndNotice.given_at)
            )
            return [(row[0], row[1]) for row in rows]

    def today(self) -> dt.date:
        """Give the day where the instances stand."""
        return now().astimezone(self.site.zone).date()


def _minute(moment: dt.datetime) -> dt.time:
    return moment.time().replace(second=0, microsecond=0)
