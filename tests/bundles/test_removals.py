"""A removal on a real host, with a real Keycloak: suspended, taken back, purged when its time has come."""

import datetime as dt
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from devkit.hosts.commands import ssh
from devkit.hosts.records import known
from devkit.running import said
from devkit.state import ansible_user, state_folder
from tests.identity.realm_under_test import Organization, RealmUnderTest
from tests.runs.scene import probe_instance
from tests.support.world import World

from catalog.identity.keycloak.clients import client_secret
from catalog.identity.keycloak.instance_clients import instance_client_id
from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import instance_key
from catalog.platform.secrets import Vault
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.engine import Engine
from catalog.runs.service import start_instance_run
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.table import steps_of
from catalog.runs.tables import Run
from catalog.schedules import removals
from catalog.schedules.loop import run_schedules
from catalog.schedules.tables import Schedule
from catalog.settings import KeycloakSettings, SecretKeys

HOST = "vancouver-1"
MOST_STEPS = 10


@dataclass(frozen=True)
class Provisioned:
    """An instance of the probe that runs."""

    instance: Instance
    realm: RealmUnderTest
    world: World
    worker: Database
    parts: Parts

    async def done(self, action: str) -> Run:
        """Have a worker do the newest run of an action to its end."""
        engine = Engine(self.worker, steps_of(self.parts), worker="worker-1")
        for _ in range(MOST_STEPS):
            async with self.worker.begin(OPERATOR) as session:
                run = (
                    await session.scalars(
                        sa.select(Run)
                        .where(Run.subject_id == self.instance.id, Run.action == action)
                        .order_by(Run.id.desc())
                        .limit(1)
                    )
                ).one()
            if run.ended_at is not None:
                return run
            await engine.work(run.id)
        raise AssertionError(run.state)

    async def state(self) -> str:
        async with self.worker.begin(OPERATOR) as session:
            return (await session.get_one(Instance, self.instance.id)).state

    async def remove(self) -> None:
        async with self.world.database.begin(OPERATOR) as session:
            found = await removals.locked_instance(session, self.instance.id)
            await removals.remove(
                session, found, reason="The course is over.", actor="command", grace=dt.timedelta(days=30)
            )

    async def admits(self) -> bool | None:
        """Tell whether its client lets anybody in; none where there is no client."""
        found = await self.realm.admin.get("/clients", clientId=instance_client_id(str(self.instance.id)))
        return bool(found[0]["enabled"]) if found else None

    def held(self) -> list[str]:
        """List what its folder on the host holds."""
        home = f"/srv/coop/{instance_key(self.instance.id)}"
        return said([*ssh(HOST), f"ls {home} 2>/dev/null || true"]).split()


@pytest.fixture
async def probe(
    realm: RealmUnderTest, birch: Organization, world: World, worker_database: Database
) -> AsyncIterator[Provisioned]:
    address = known()[HOST].address
    lines = (state_folder() / "known_hosts").read_text(encoding="ascii").splitlines()
    key = next(line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{address} "))
    instance = await probe_instance(world, address, key)
    parts = Parts(
        vault=Vault(SecretKeys("1", {"1": os.urandom(32)})),
        playbooks=PlaybookRunner(ansible_user(), state_folder() / "secrets" / "ssh" / "id_ed25519"),
        issuer=realm.issuer,
        clients=await account(realm, "catalog-worker"),
        people=await account(realm, "catalog-people"),
    )
    async with world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Member).values(organization_id=birch.id))
        instance = await session.get_one(Instance, instance.id)
        instance.desired_parameters = {"text": "kept", "doing": "write"}
        await start_instance_run(session, instance, "provision", requested_by="command")
    made = Provisioned(instance, realm, world, worker_database, parts)
    run = await made.done("provision")
    assert run.state == "succeeded", run.error
    yield made
    said([*ssh(HOST), f"rm -rf /srv/coop/{instance_key(instance.id)} /var/lib/coop-catalog/attempts/{instance.id}*"])


async def account(realm: RealmUnderTest, client_id: str) -> KeycloakSettings:
    secret = await client_secret(realm.admin, client_id)
    return KeycloakSettings(realm.server.url, realm.spec.realm, client_id, secret, realm.server.ca_file)


async def test_it_is_off_the_web_with_everything_kept_until_its_time_and_gone_after_it(probe: Provisioned) -> None:
    assert (await probe.admits(), probe.held()) == (True, ["shell", "text"])
    await probe.remove()
    assert (await probe.done("suspend")).state == "succeeded"
    assert (await probe.state(), await probe.admits()) == ("suspended", False)
    assert probe.held() == ["shell", "suspended", "text"]
    await run_schedules(probe.worker)
    async with probe.worker.begin(OPERATOR) as session:
        moment = sa.func.clock_timestamp() - dt.timedelta(minutes=1)
        await session.execute(sa.update(Schedule).where(Schedule.task == "deprovision").values(next_at=moment))
    await run_schedules(probe.worker)
    assert (await probe.done("deprovision")).state == "succeeded"
    assert (await probe.state(), await probe.admits(), probe.held()) == ("removed", None, [])


async def test_taken_back_it_is_in_use_again_with_all_that_it_held(probe: Provisioned) -> None:
    await probe.remove()
    await probe.done("suspend")
    async with probe.world.database.begin(OPERATOR) as session:
        await removals.take_back(session, await removals.locked_instance(session, probe.instance.id), actor="command")
    assert (await probe.done("resume")).state == "succeeded"
    assert (await probe.state(), await probe.admits()) == ("running", True)
    assert probe.held() == ["shell", "text"]
