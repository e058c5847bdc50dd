"""One instance on a real host, and workers that do its runs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from devkit.hosts.commands import ssh
from devkit.running import said
from tests.support.world import World

from catalog.instances.reservations import Reservation, reserve
from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import instance_key, new_id
from catalog.runs.definitions import DEFINITION, StepPlan, site_queue
from catalog.runs.engine import Engine
from catalog.runs.service import start_run
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.table import steps_of
from catalog.runs.tables import Run, RunEvent, StepTry
from catalog.sites.tables import Host
from catalog.tools.manifest import manifest_of
from catalog.tools.service import current_revision

PLAYBOOKS = Path(__file__).parent / "playbooks"
DEADLINE_SECONDS = 240
SITE = "vancouver"


@dataclass(frozen=True)
class Scene:
    """An instance of the probe, on the development host `host`."""

    world: World
    worker_database: Database
    parts: Parts
    host: str
    instance: Instance

    @property
    def home(self) -> str:
        """The instance's folder on the host."""
        return f"/srv/coop/{instance_key(self.instance.id)}"

    async def start(self, doing: str, *, text: str = "", seconds: int = 120) -> UUID:
        """Start a run of one step, the probe's playbook."""
        async with self.world.database.begin(OPERATOR) as session:
            instance = await session.get_one(Instance, self.instance.id)
            run = await start_run(
                session,
                subject_kind="instance",
                subject_id=instance.id,
                member_id=instance.member_id,
                action="provision",
                input={
                    "revision_id": str(instance.desired_revision_id),
                    "parameters": {"text": text, "doing": doing},
                    "plan": instance.plan,
                    "host_id": str(instance.host_id),
                    "hostname": instance.hostname,
                },
                requested_by="command",
                steps=[StepPlan("provision", site_queue(SITE), seconds)],
                definition=DEFINITION,
            )
        return run.id

    def engine(self, name: str = "worker-1", queues: Sequence[str] = ()) -> Engine:
        """Give a worker's engine."""
        return Engine(self.worker_database, steps_of(self.parts), worker=name, queues=queues)

    async def run(self, run_id: UUID) -> Run:
        """Read a run."""
        async with self.worker_database.begin(OPERATOR) as session:
            return await session.get_one(Run, run_id)

    async def events(self, run_id: UUID) -> list[RunEvent]:
        """Read its story."""
        async with self.worker_database.begin(OPERATOR) as session:
            found = await session.scalars(
                sa.select(RunEvent).where(RunEvent.run_id == run_id).order_by(RunEvent.sequence)
            )
            return list(found)

    async def tries(self, run_id: UUID) -> list[StepTry]:
        """Read how each attempt ended."""
        async with self.worker_database.begin(OPERATOR) as session:
            found = await session.scalars(sa.select(StepTry).where(StepTry.run_id == run_id).order_by(StepTry.attempt))
            return list(found)

    def on_host(self, command: str) -> str:
        """Do something on the host as root."""
        return said([*ssh(self.host), command])

    async def expire_lease(self, run_id: UUID) -> None:
        """Let the time pass that a lease lasts."""
        async with self.worker_database.begin(OPERATOR) as session:
            long_ago = sa.func.clock_timestamp() - sa.text("interval '1 minute'")
            await session.execute(sa.update(Run).where(Run.id == run_id).values(lease_until=long_ago))


async def eventually(met: Callable[[], Awaitable[bool]], what: str, *, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something is so. Raises `TimeoutError` where it never is."""
    deadline = time.monotonic() + seconds
    while not await met():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(0.1)


async def probe_instance(world: World, host_address: str, host_key: str) -> Instance:
    """Write a member, a site, the host and an instance of the probe down."""
    member = await world.member("probe-college")
    site = await world.site(SITE)
    await world.host(SITE, address=host_address, ssh_host_key=host_key)
    await world.tool("probe", playbooks=PLAYBOOKS)
    async with world.database.begin(OPERATOR) as session:
        revision = await current_revision(session, "probe")
        if revision is None:
            raise LookupError("probe")
        manifest = manifest_of(revision)
        return await reserve(session, _reservation(member.id, site.id, revision.id, manifest))


async def another_instance(world: World, like: Instance, hostname: str, member_id: UUID | None = None) -> Instance:
    """Write another instance down on the same host, by default of the same member."""
    async with world.database.begin(OPERATOR) as session:
        revision = await current_revision(session, "probe")
        site_id = await session.scalar(sa.select(Host.site_id).where(Host.id == like.host_id))
        if revision is None or site_id is None:
            raise LookupError("probe")
        wanted = _reservation(member_id or like.member_id, site_id, revision.id, manifest_of(revision), hostname)
        return await reserve(session, wanted)


def _reservation(
    member_id: UUID, site_id: UUID, revision_id: UUID, manifest: Any, hostname: str = "probe.coop-tools.test"
) -> Reservation:
    return Reservation(
        instance_id=new_id(),
        member_id=member_id,
        province="BC",
        site_id=site_id,
        revision_id=revision_id,
        manifest=manifest,
        plan=manifest.plans[0],
        parameters={},
        hostname=hostname,
        purpose="A test.",
        owner_name="Made-up Owner",
        owner_email="owner@probe-college.example",
        language="en",
        ends_on=None,
        reference=None,
        labels={},
    )
