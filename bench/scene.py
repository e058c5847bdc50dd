"""Instances of a small tool on a development host, whose runs workers of the bench's own do; and the raw playbook."""

import asyncio
import contextlib
import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from devkit.environment import environment, secrets_folder
from devkit.hosts.records import known
from devkit.state import state_folder

from bench.own_database import OwnDatabase
from catalog.instances.reservations import Reservation, reserve
from catalog.instances.tables import Instance
from catalog.members.service import MemberSpec, add_member
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import instance_key, new_id
from catalog.runs.ansible.unsafe import as_unsafe_json
from catalog.runs.definitions import StepPlan, site_queue
from catalog.runs.service import Place, start_run
from catalog.runs.tables import Run, RunEvent
from catalog.sites.service import SiteSpec, add_site
from catalog.sites.tables import Host
from catalog.tools.bundles import read_bundle
from catalog.tools.manifest import manifest_of
from catalog.tools.publishing import publish
from catalog.tools.service import current_revision

PLAYBOOKS = Path(__file__).with_name("playbooks")
TOOL, SITE, ACTOR = "measured", "vancouver", "bench"
HOST = os.environ.get("CATALOG_BENCH_HOST", "vancouver-1")
PLAYBOOK = f"tools/{TOOL}/provision.yml"
DEADLINE_SECONDS = 300
POLL_SECONDS = 0.01
ACTIVE = ("queued", "running", "waiting")
SSH = "-o ControlMaster=auto -o ControlPersist=30s"


@dataclass(frozen=True)
class Scene:
    """A database with instances that stand on one host."""

    database: Database
    address: str
    host_id: UUID
    site_id: UUID

    async def instance(self) -> Instance:
        """Reserve one more."""
        async with self.database.begin(OPERATOR) as session:
            revision = await current_revision(session, TOOL)
            if revision is None:
                raise LookupError(TOOL)
            member_id = await session.scalar(sa.text("SELECT id FROM members"))
            manifest, instance_id = manifest_of(revision), new_id()
            return await reserve(
                session,
                Reservation(
                    instance_id=instance_id,
                    member_id=member_id,
                    province="BC",
                    site_id=self.site_id,
                    revision_id=revision.id,
                    manifest=manifest,
                    plan=manifest.plans[0],
                    parameters={},
                    hostname=f"{instance_key(instance_id)}.coop-tools.test",
                    purpose="A measurement.",
                    owner_name="Made-up Owner",
                    owner_email="owner@example.org",
                    language="en",
                    ends_on=None,
                    reference=None,
                    labels={},
                ),
            )

    async def start(self, instances: Sequence[Instance], *, seconds: int = 0) -> list[UUID]:
        """Start a run of the playbook on each, as an approval or a command does: in one transaction."""
        async with self.database.begin(OPERATOR) as session:
            return [await self._start(session, instance, seconds) for instance in instances]

    async def _start(self, session: Any, instance: Instance, seconds: int) -> UUID:
        run = await start_run(
            session,
            subject_kind="instance",
            subject_id=instance.id,
            member_id=instance.member_id,
            action="provision",
            input={
                "revision_id": str(instance.desired_revision_id),
                "parameters": {"seconds": seconds},
                "plan": instance.plan,
                "host_id": str(instance.host_id),
                "hostname": instance.hostname,
            },
            requested_by=ACTOR,
            steps=[StepPlan("provision", site_queue(SITE), 600)],
            place=Place(self.site_id, self.host_id, TOOL),
        )
        return run.id

    async def until_first_task(self, run_id: UUID) -> None:
        """Wait until watchers could read that the first task has begun."""
        started = sa.select(RunEvent.sequence).where(RunEvent.run_id == run_id, RunEvent.kind == "task.started")
        await self._until(started.limit(1))

    async def until_ended(self, run_ids: Sequence[UUID]) -> None:
        """Wait until runs have ended well. Raises `RuntimeError` where one has not."""
        await self.until_over(run_ids)
        async with self.database.begin(OPERATOR) as session:
            failed = await session.scalars(sa.select(Run.error).where(Run.id.in_(run_ids), Run.state != "succeeded"))
            for error in failed:
                raise RuntimeError(str(error))

    async def until_over(self, run_ids: Sequence[UUID]) -> None:
        """Wait until runs have ended, whatever came of them."""
        pending = sa.select(sa.func.count()).where(Run.id.in_(run_ids), Run.state.in_(ACTIVE)).scalar_subquery()
        await self._until(sa.select(sa.literal(1)).where(pending == 0))

    async def _until(self, found: sa.Select[Any]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                async with self.database.begin(OPERATOR) as session:
                    if await session.scalar(found) is not None:
                        return
                await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def scene(made: OwnDatabase, *, instances: int) -> AsyncIterator[tuple[Scene, list[Instance]]]:
    """Write a member, a site, the host and instances of the tool down; what they leave on the host is removed."""
    database = Database(made.server, name="bench", pool_size=4)
    try:
        one = await _world(database)
        standing = [await one.instance() for _ in range(instances)]
        try:
            yield one, standing
        finally:
            for instance in standing:
                _forget(one.address, instance.id)
    finally:
        await database.close()


@contextlib.contextmanager
def workers(made: OwnDatabase, count: int) -> Iterator[None]:
    """Run so many worker processes until the block ends."""
    told = os.environ | environment("worker") | {"DATABASE_URL": made.worker.url}
    told.pop("DATABASE_PASSWORD_FILE")
    with tempfile.TemporaryFile() as log:
        running = [
            subprocess.Popen([sys.executable, "-m", "catalog", "worker"], env=told, stdout=log, stderr=log)
            for _ in range(count)
        ]
        try:
            _await_started(running, log.fileno())
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(DEADLINE_SECONDS)


@contextlib.contextmanager
def raw_playbook(address: str, instance_id: UUID, **settings: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Give the command that runs the same playbook without the catalog, and its environment, set as the catalog does.

    `settings` replace variables of Ansible's.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vars.json").write_text(as_unsafe_json(_variables(instance_id)), encoding="utf-8")
        key_file = secrets_folder() / "ssh" / "id_ed25519"
        (folder / "hosts").write_text(
            f"instance_host ansible_host={address} ansible_user=root ansible_ssh_private_key_file={key_file} "
            "ansible_python_interpreter=/usr/bin/python3\n",
            encoding="utf-8",
        )
        told = os.environ | {
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_GATHERING": "explicit",
            "ANSIBLE_SSH_ARGS": f"-o UserKnownHostsFile={state_folder() / 'known_hosts'} {SSH}",
            "ANSIBLE_SSH_CONTROL_PATH": f"{folder}/%%C",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        yield ["ansible-playbook", "-i", str(folder / "hosts"), "-e", f"@{folder / 'vars.json'}", PLAYBOOK], told


def _variables(instance_id: UUID) -> Mapping[str, Any]:
    key = instance_key(instance_id)
    return {
        "instance": {"short": key, "hostname": f"{key}.coop-tools.test"},
        "parameters": {"seconds": 0},
        "paths": {"home": f"/srv/coop/{key}", "state": f"/var/lib/coop/{key}"},
    }


async def _world(database: Database) -> Scene:
    today = now().date()
    address = known()[HOST].address
    lines = (state_folder() / "known_hosts").read_text(encoding="ascii").splitlines()
    key = next(line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{address} "))
    member = MemberSpec("03rmrcq20", "bench", "Bench", "Banc", "BC", ("bench.example",))
    where = SiteSpec(SITE, "Bench", "Banc", "Vancouver", "BC", ACTOR, ACTOR, ACTOR, today, today + dt.timedelta(days=9))
    async with database.begin(OPERATOR) as session:
        await add_member(session, member, actor=ACTOR)
        site = (await add_site(session, where, actor=ACTOR, today=today))[0]
        host = Host(
            site_id=site.id,
            name=HOST,
            address=address,
            ssh_port=22,
            ssh_host_key=key,
            release="bookworm",
            state="active",
            memory_mb=65_536,
            disk_mb=1_000_000,
            cpu_percent=6_400,
            most_runs=100,
        )
        session.add(host)
        await session.flush()
        await publish(session, read_bundle(PLAYBOOKS, TOOL), published_by=ACTOR)
        return Scene(database, address, host.id, site.id)


def _await_started(running: Sequence[subprocess.Popen[bytes]], log: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while os.pread(log, 2**20, 0).count(b"worker.started") < len(running):
        if time.monotonic() > deadline or any(process.poll() is not None for process in running):
            raise TimeoutError(os.pread(log, 4000, 0).decode(errors="replace"))
        time.sleep(POLL_SECONDS)


def _forget(address: str, instance_id: UUID) -> None:
    key = instance_key(instance_id)
    on_host(address, f"rm -rf /srv/coop/{key} /var/lib/coop-catalog/attempts/{instance_id}*")


def on_host(address: str, command: str) -> None:
    """Do something on the host as root."""
    key_file, known_hosts = secrets_folder() / "ssh" / "id_ed25519", state_folder() / "known_hosts"
    options = ["-q", "-i", str(key_file), "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known_hosts}"]
    subprocess.run(["ssh", *options, f"root@{address}", command], check=True, stdout=subprocess.DEVNULL)
