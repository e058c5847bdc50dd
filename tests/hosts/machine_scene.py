"""A machine of the tests' own as a host of the catalog, with an instance that runs on it."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from devkit.hosts.commands import ssh
from devkit.hosts.records import known
from devkit.running import said
from devkit.state import state_folder
from tests.engine.scripted import NOTHING_DIFFERS
from tests.runs.scene import probe_instance
from tests.support.environment import ROOT
from tests.support.world import ACTOR, World

from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.outbox import Dispatcher
from catalog.runs.context import Step, StepContext
from catalog.runs.engine import Engine
from catalog.runs.hosts.publishing import publish, read_automation
from catalog.runs.hosts.service import PatchOptions, start_patch, start_prepare
from catalog.runs.hosts.verifying import HOST_SUBSCRIBERS
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.table import steps_of
from catalog.runs.tables import Run, RunEvent, StepTry
from catalog.sites.tables import Host


@dataclass(frozen=True)
class MachineScene:
    """The machine `name`, its row `host`, and an instance of the probe on it that is known as running."""

    world: World
    worker_database: Database
    parts: Parts
    name: str
    host: Host
    instance: Instance

    def engine(self, worker: str = "worker-1") -> Engine:
        # The instance was never set up, so there is nothing to compare: tests/bundles compares real ones.
        steps = {**steps_of(self.parts), **{name: Step(partial(_nothing, name)) for name in NOTHING_DIFFERS}}
        return Engine(self.worker_database, steps, worker=worker)

    async def start_prepare(self) -> UUID:
        async with self.world.database.begin(OPERATOR) as session:
            return (await start_prepare(session, self.host.name, requested_by=ACTOR)).id

    async def start_patch(self, **options: Any) -> UUID:
        async with self.world.database.begin(OPERATOR) as session:
            patch = await start_patch(session, self.host.name, PatchOptions(**options), requested_by=ACTOR)
            return patch.id

    async def prepared_before(self) -> None:
        """Have the catalog remember a prepare that succeeded: the machine keeps it, each test's database does not."""
        run_id = await self.start_prepare()
        async with self.worker_database.begin(OPERATOR) as session:
            await session.execute(sa.update(Run).where(Run.id == run_id).values(state="succeeded"))

    async def work(self, run_id: UUID, worker: str = "worker-1") -> Run:
        """Do the run's steps until it has ended or waits."""
        while (run := await self.run(run_id)).state == "queued":
            await self.engine(worker).work(run_id)
        return run

    async def run(self, run_id: UUID) -> Run:
        async with self.worker_database.begin(OPERATOR) as session:
            return await session.get_one(Run, run_id)

    async def tries(self, run_id: UUID) -> list[StepTry]:
        async with self.worker_database.begin(OPERATOR) as session:
            found = await session.scalars(sa.select(StepTry).where(StepTry.run_id == run_id).order_by(StepTry.attempt))
            return list(found)

    async def changed_tasks(self, run_id: UUID) -> list[str]:
        async with self.worker_database.begin(OPERATOR) as session:
            found = await session.scalars(
                sa.select(RunEvent).where(RunEvent.run_id == run_id, RunEvent.kind == "task.changed")
            )
            return [event.data["task"] for event in found]

    async def followers(self, run_id: UUID) -> list[Run]:
        """Tell the subscribers of what has ended, and give the runs that were started after this one."""
        await Dispatcher(self.worker_database, HOST_SUBSCRIBERS).deliver_due()
        async with self.worker_database.begin(OPERATOR) as session:
            return list(await session.scalars(sa.select(Run).where(Run.cause_id == run_id).order_by(Run.id)))

    async def expire_lease(self, run_id: UUID) -> None:
        async with self.worker_database.begin(OPERATOR) as session:
            long_ago = sa.func.clock_timestamp() - sa.text("interval '1 minute'")
            await session.execute(sa.update(Run).where(Run.id == run_id).values(lease_until=long_ago))

    def on_host(self, command: str) -> str:
        """Do something on the machine as root."""
        return said([*ssh(self.name), command])


async def machine_scene(world: World, worker_database: Database, parts: Parts, name: str) -> MachineScene:
    """Write it all down, and publish the hosts' automation of this checkout."""
    address = known()[name].address
    lines = (state_folder() / "known_hosts").read_text(encoding="ascii").splitlines()
    key = next(line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{address} "))
    instance = await probe_instance(world, address, key)
    async with world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Instance).values(state="running"))
        await publish(session, read_automation(ROOT / "playbooks"), published_by=ACTOR)
        host = await session.get_one(Host, instance.host_id)
    return MachineScene(world, worker_database, parts, name, host, instance)


async def _nothing(name: str, _context: StepContext) -> dict[str, Any]:
    return NOTHING_DIFFERS[name]
