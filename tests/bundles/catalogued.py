"""An instance that a catalog of its own has: on a real host, behind a real Keycloak, and a worker does its runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from devkit.hosts.commands import ssh
from devkit.hosts.machines import point
from devkit.hosts.records import known
from devkit.running import said
from devkit.state import ansible_user, state_folder
from tests.identity.realm_under_test import Organization, RealmUnderTest
from tests.support.cluster import Cluster
from tests.support.world import World

from catalog.identity.keycloak.clients import client_secret
from catalog.identity.keycloak.specs import instance_client_id
from catalog.instances.reservations import Reservation, reserve
from catalog.instances.secrets import open_secrets
from catalog.instances.tables import Instance, Port
from catalog.members.tables import Member
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import instance_key, new_id
from catalog.platform.outbox import OutboxEvent
from catalog.platform.secrets import Vault
from catalog.runs import actions
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.comparison import Comparison, comparison_in
from catalog.runs.engine import Engine
from catalog.runs.plans.desired import Planned, desired_after
from catalog.runs.plans.service import start_plan
from catalog.runs.service import start_instance_run
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.table import steps_of
from catalog.runs.tables import ACTIVE_STATES, Run, RunEvent, RunStep
from catalog.settings import KeycloakSettings, SecretKeys
from catalog.tools.manifest import manifest_of
from catalog.tools.service import current_revision

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
SITE = "vancouver"
POOL_SIZE = 5
BEYOND_OTHERS = 9_000
"""How much higher its ports are than those of a catalog that has the host to itself."""


@dataclass(frozen=True)
class Wanted:
    """What is to stand where."""

    slug: str
    host: str
    parameters: dict[str, Any]
    playbooks: Path = PLAYBOOKS


@dataclass(frozen=True)
class Catalogued:
    """The instance, and all that acts on it."""

    world: World
    worker_database: Database
    parts: Parts
    realm: RealmUnderTest
    host: str
    slug: str
    instance_id: UUID

    @property
    def short(self) -> str:
        return instance_key(self.instance_id)

    @property
    def client_id(self) -> str:
        return instance_client_id(str(self.instance_id))

    async def do(self, action: str) -> Run:
        """Do an action from its start to its end."""
        async with self.world.database.begin(OPERATOR) as session:
            instance = await session.get_one(Instance, self.instance_id)
            run = await start_instance_run(session, instance, action, requested_by="command")
        return await self.ended(run.id)

    async def update(self, parameters: Mapping[str, Any]) -> Run:
        """Have other parameters desired, and set them up."""
        async with self.world.database.begin(OPERATOR) as session:
            instance = await session.get_one(Instance, self.instance_id)
            instance.desired_parameters = instance.desired_parameters | dict(parameters)
        return await self.do("update")

    async def plan(self, action: Planned, parameters: Mapping[str, Any] | None = None) -> Run:
        """Plan an action, to the end of the plan."""
        async with self.world.database.begin(OPERATOR) as session:
            instance = await session.get_one(Instance, self.instance_id)
            desired = await desired_after(session, instance, actions.Wanted(action, parameters))
            run = await start_plan(session, instance, action, desired, requested_by="command")
        return await self.ended(run.id)

    async def ended(self, run_id: UUID) -> Run:
        """Do a run, step by step, until it has ended."""
        engine = Engine(self.worker_database, steps_of(self.parts), worker="worker-1")
        while (run := await self.run(run_id)).state in ACTIVE_STATES:
            assert run.state == "queued", run.error
            await engine.work(run_id)
        return run

    async def run(self, run_id: UUID) -> Run:
        async with self.worker_database.begin(OPERATOR) as session:
            return await session.get_one(Run, run_id)

    async def found_by(self, run: Run) -> Comparison:
        """Read what a run found to differ."""
        async with self.worker_database.begin(OPERATOR) as session:
            steps = await session.scalars(sa.select(RunStep).where(RunStep.run_id == run.id, RunStep.state == "done"))
            return comparison_in({step.name: step.output or {} for step in steps})

    async def tasks(self, run: Run, kind: str) -> list[str]:
        """Name the tasks of which a run's story tells this, in order."""
        async with self.worker_database.begin(OPERATOR) as session:
            found = await session.scalars(
                sa.select(RunEvent).where(RunEvent.run_id == run.id, RunEvent.kind == kind).order_by(RunEvent.sequence)
            )
            return [event.data["task"] for event in found]

    async def told(self, run: Run) -> str:
        """Give all that was stored of a run, as text."""
        async with self.worker_database.begin(OPERATOR) as session:
            events = await session.scalars(sa.select(RunEvent).where(RunEvent.run_id == run.id))
            steps = await session.scalars(sa.select(RunStep).where(RunStep.run_id == run.id))
            parts = [event.data for event in events] + [step.output for step in steps]
        return "\n".join(map(str, [*parts, run.result, run.error]))

    async def secrets(self) -> dict[str, str]:
        async with self.worker_database.begin(OPERATOR) as session:
            instance = await session.get_one(Instance, self.instance_id)
            return await open_secrets(session, self.parts.vault, instance)

    async def attention(self) -> str | None:
        async with self.worker_database.begin(OPERATOR) as session:
            return (await session.get_one(Instance, self.instance_id)).attention

    async def times_told_of_drift(self) -> int:
        async with self.worker_database.begin(OPERATOR) as session:
            found = await session.scalar(
                sa.select(sa.func.count()).where(
                    OutboxEvent.kind == "instance.drifted",
                    OutboxEvent.payload["instance_id"].astext == str(self.instance_id),
                )
            )
        return found or 0

    def on_host(self, command: str) -> str:
        """Do something on the host as root."""
        return said([*ssh(self.host), command])

    def footprint(self) -> str:
        """Give checksums of all that is on the host of this instance, and of what instances share there.

        Left out is the number of its latest attempt, which each run leaves there, and what its programs write of
        themselves while they run.
        """
        folders = f"/srv/coop/{self.short} /var/lib/coop/{self.short} /etc/systemd/system /etc/apache2 /var/lib/private"
        looked_at = f"$(ls -d {folders} 2>/dev/null) ! -name 'jupyterhub.sqlite*'"
        return self.on_host(
            f"find {looked_at} -printf '%p %y %U %G %m %l\\n' | grep {self.short} | sort; "
            f"find {looked_at} -type f -printf '%p %T@\\n' | grep {self.short} | sort; "
            f"find {looked_at} -type f -path '*{self.short}*' -exec sha256sum {{}} + | sort; "
            f"systemctl show '{self.short}*' --property=Id,ActiveState,UnitFileState,InvocationID; "
            "sha256sum /etc/passwd /etc/group"
        )


@asynccontextmanager
async def catalogued(
    cluster: Cluster, realm: RealmUnderTest, organization: Organization, wanted: Wanted
) -> AsyncIterator[Catalogued]:
    """Write it down in a database of its own and set it up; at the end, it is removed."""
    made = await cluster.copy()
    server = Database(made.server, name="test-server", pool_size=POOL_SIZE)
    worker = Database(made.worker, name="test-worker", pool_size=POOL_SIZE)
    try:
        world, parts = World(server, realm.issuer), await _parts(realm)
        instance_id = await _written(world, organization, wanted)
        tool = Catalogued(world, worker, parts, realm, wanted.host, wanted.slug, instance_id)
        try:
            run = await tool.do("provision")
            assert run.state == "succeeded", run.error
            yield tool
        finally:
            await _remove(tool)
    finally:
        await server.close()
        await worker.close()
        await cluster.drop(made.owner)


async def _remove(tool: Catalogued) -> None:
    async with tool.world.database.begin(OPERATOR) as session:
        run = await session.scalar(sa.select(Run).where(Run.state.in_(ACTIVE_STATES)))
    if run is None:
        await tool.do("deprovision")
    tool.on_host(f"rm -rf /var/lib/coop-catalog/attempts/{tool.instance_id}*")


async def _parts(realm: RealmUnderTest) -> Parts:
    async def account(client_id: str) -> KeycloakSettings:
        secret = await client_secret(realm.admin, client_id)
        return KeycloakSettings(realm.server.url, realm.spec.realm, client_id, secret, realm.server.ca_file)

    return Parts(
        vault=Vault(SecretKeys("1", {"1": bytes(range(32))})),
        playbooks=PlaybookRunner(ansible_user(), state_folder() / "secrets" / "ssh" / "id_ed25519"),
        issuer=realm.issuer,
        clients=await account("catalog-worker"),
        people=await account("catalog-people"),
    )


async def _written(world: World, organization: Organization, wanted: Wanted) -> UUID:
    address = known()[wanted.host].address
    lines = (state_folder() / "known_hosts").read_text(encoding="ascii").splitlines()
    key = next(line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{address} "))
    member = await world.member(organization.alias)
    site = await world.site(SITE)
    await world.host(SITE, name=wanted.host, address=address, ssh_host_key=key, memory_mb=65_536, cpu_percent=1600)
    await world.tool(wanted.slug, playbooks=wanted.playbooks)
    async with world.database.begin(OPERATOR) as session:
        (await session.get_one(Member, member.id)).organization_id = organization.id
        revision = await current_revision(session, wanted.slug)
        assert revision is not None
        manifest = manifest_of(revision)
        instance_id = new_id()
        hostname = f"{instance_key(instance_id)}.coop-tools.test"
        await reserve(
            session,
            Reservation(
                instance_id=instance_id,
                member_id=member.id,
                province="BC",
                site_id=site.id,
                revision_id=revision.id,
                manifest=manifest,
                plan=manifest.plans[0],
                parameters=wanted.parameters,
                hostname=hostname,
                purpose="A test.",
                owner_name="Made-up Owner",
                owner_email="owner@people.example",
                language="en",
                ends_on=None,
                reference=None,
                labels={},
            ),
        )
        await session.execute(sa.update(Port).values(number=Port.number + BEYOND_OTHERS))
    point(hostname, wanted.host)
    return instance_id
