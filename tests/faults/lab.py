"""The place where faults are tried: a database, a realm and hosts of the tests' own, and what is seen there."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from devkit.environment import environment
from devkit.hosts.commands import ssh
from devkit.hosts.records import known
from devkit.running import said
from devkit.state import state_folder, user, write
from devkit.users import ids
from sqlalchemy.exc import DBAPIError
from tests.faults.forwarder import Forwarder
from tests.faults.postgres import OwnPostgres
from tests.faults.workers import Worker, Workers
from tests.identity.realm_under_test import RealmUnderTest
from tests.support.cluster import TestDatabase
from tests.support.world import World

from catalog.identity.keycloak.clients import client_secret, find_client
from catalog.identity.keycloak.instance_clients import instance_client_id
from catalog.instances.reservations import Reservation, reserve
from catalog.instances.tables import Hostname, Instance, Placement, Port
from catalog.members.tables import Member
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import instance_key, new_id
from catalog.runs import control
from catalog.runs.definitions import steps_for
from catalog.runs.service import start_instance_run, start_run
from catalog.runs.tables import Run, RunEvent, RunStep, StepTry
from catalog.sites.tables import Site
from catalog.tools.manifest import manifest_of
from catalog.tools.service import current_revision

DEADLINE_SECONDS = 180
POLL_SECONDS = 0.1
OPERATOR_NAME = "operator.coop"
FINAL = ("succeeded", "failed", "cancelled", "abandoned")
AWAY = (DBAPIError, OSError)
"""What reading a database says that is just being started again."""


@dataclass
class Lab:
    """Everything that is needed to do runs, each part of it breakable."""

    folder: Path
    postgres: OwnPostgres
    at: TestDatabase
    realm: RealmUnderTest
    way: Forwarder
    members: dict[str, Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database = Database(self.at.worker, name="faults", pool_size=5)
        self.api = Database(self.at.server, name="faults-api", pool_size=5)
        self.world = World(self.api, "https://signon.invalid")

    async def close(self) -> None:
        """Give the connections back."""
        await self.database.close()
        await self.api.close()

    async def variables(self) -> dict[str, str]:
        """Give what the workers are told: this database, and this realm by the way that can be closed."""
        made = environment("worker") | {
            "DATABASE_URL": self.at.worker.url,
            "DATABASE_PASSWORD_FILE": "",
            "CATALOG_OIDC_ISSUER": self.realm.issuer,
            "CATALOG_KEYCLOAK_URL": f"{self.realm.server.url.rpartition(':')[0]}:{self.way.port}",
            "CATALOG_KEYCLOAK_REALM": self.realm.spec.realm,
        }
        for name, client in (("CLIENT", "catalog-worker"), ("PEOPLE_CLIENT", "catalog-people")):
            file = self.folder / client
            write(file, await client_secret(self.realm.admin, client), 0o600)
            os.chown(file, *ids(user()))
            made[f"CATALOG_KEYCLOAK_{name}_SECRET_FILE"] = str(file)
        return made

    async def host(self, name: str, site: str) -> None:
        """Write one of the dev kit's hosts down."""
        address = known()[name].address
        lines = (state_folder() / "known_hosts").read_text(encoding="ascii").splitlines()
        key = next(line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{address} "))
        await self.world.host(
            site,
            name=name,
            address=address,
            ssh_host_key=key,
            memory_mb=65_536,
            disk_mb=655_360,
            cpu_percent=10_000,
        )

    async def sign_on(self, alias: str) -> UUID:
        """Add a member, and start the run that makes its Organization; gives the run's id."""
        self.members[alias] = member = await self.world.member(alias)
        async with self.api.begin(OPERATOR) as session:
            run = await start_run(
                session,
                subject_kind="member",
                subject_id=member.id,
                member_id=member.id,
                action="sign-on",
                input={},
                requested_by="command",
                steps=steps_for("sign-on"),
            )
        return run.id

    async def reserved(  # noqa: PLR0913 - what is asked for
        self, member: str, tool: str, site: str, name: str, *, plan: int = 0, parameters: dict[str, Any] | None = None
    ) -> Instance:
        """Reserve a place for an instance, as an approval does."""
        async with self.api.begin(OPERATOR) as session:
            revision = await current_revision(session, tool)
            place = await session.scalar(sa.select(Site).where(Site.slug == site))
            if revision is None or place is None:
                raise LookupError(tool, site)
            manifest = manifest_of(revision)
            return await reserve(
                session,
                Reservation(
                    instance_id=new_id(),
                    member_id=self.members[member].id,
                    province="BC",
                    site_id=place.id,
                    revision_id=revision.id,
                    manifest=manifest,
                    plan=manifest.plans[plan],
                    parameters=parameters or {},
                    hostname=f"{name}.coop-tools.test",
                    purpose="A test.",
                    owner_name="Made-up Owner",
                    owner_email=f"owner@{member}.example",
                    language="en",
                    ends_on=None,
                    reference=None,
                    labels={},
                ),
            )

    async def start(self, instance: Instance, action: str, **seconds: int) -> UUID:
        """Start an action on an instance; gives the run's id. `seconds` are time limits of its steps."""
        async with self.api.begin(OPERATOR) as session:
            current = await session.get_one(Instance, instance.id)
            run = await start_instance_run(session, current, action, requested_by="command")
            for step, limit in seconds.items():
                changed = sa.update(RunStep).where(RunStep.run_id == run.id, RunStep.name == step)
                await session.execute(changed.values(timeout_seconds=limit))
        return run.id

    async def cancel(self, run_id: UUID, stop: control.Stop) -> None:
        """Ask a run to stop, as an operator does."""
        async with self.api.begin(OPERATOR) as session:
            await control.cancel(session, run_id, stop=stop, actor=OPERATOR_NAME)

    async def retry(self, run_id: UUID, verbosity: int = 0) -> None:
        """Try a run again, as an operator does."""
        async with self.api.begin(OPERATOR) as session:
            await control.retry(session, run_id, verbosity=verbosity, actor=OPERATOR_NAME)

    async def abandon(self, run_id: UUID) -> None:
        """Give a run up, as an operator does."""
        async with self.api.begin(OPERATOR) as session:
            await control.abandon(session, run_id, actor=OPERATOR_NAME)

    async def run(self, run_id: UUID) -> Run:
        """Read a run."""
        async with self.database.begin(OPERATOR) as session:
            return await session.get_one(Run, run_id)

    async def instance(self, instance_id: UUID) -> Instance:
        """Read an instance."""
        async with self.database.begin(OPERATOR) as session:
            return await session.get_one(Instance, instance_id)

    async def steps(self, run_id: UUID) -> dict[str, str]:
        """Read the state of each step, in order."""
        async with self.database.begin(OPERATOR) as session:
            found = await session.scalars(sa.select(RunStep).where(RunStep.run_id == run_id).order_by(RunStep.position))
            return {step.name: step.state for step in found}

    async def tries(self, run_id: UUID, step: str | None = None) -> list[str]:
        """Read how the tries ended, in order; of one step alone where that is named."""
        async with self.database.begin(OPERATOR) as session:
            found = await session.execute(
                sa.select(RunStep.name, StepTry.outcome)
                .join(RunStep, sa.and_(RunStep.run_id == StepTry.run_id, RunStep.position == StepTry.position))
                .where(StepTry.run_id == run_id)
                .order_by(StepTry.attempt)
            )
            return [outcome or "open" for name, outcome in found if step in (None, name)]

    async def events(self, run_id: UUID) -> list[RunEvent]:
        """Read a run's story."""
        async with self.database.begin(OPERATOR) as session:
            found = await session.scalars(
                sa.select(RunEvent).where(RunEvent.run_id == run_id).order_by(RunEvent.sequence)
            )
            return list(found)

    async def held(self, instance_id: UUID) -> dict[str, int]:
        """Count what an instance holds: its place, its ports, and names that nobody else can have."""
        async with self.database.begin(OPERATOR) as session:
            counts = {}
            for table in (Placement, Port):
                statement = sa.select(sa.func.count()).select_from(table).where(table.instance_id == instance_id)
                counts[table.__tablename__] = int(await session.scalar(statement) or 0)
            resting = sa.or_(Hostname.rests_until.is_(None), Hostname.rests_until > sa.func.clock_timestamp())
            names = sa.select(sa.func.count()).where(Hostname.instance_id == instance_id, resting)
            return counts | {"names": int(await session.scalar(names) or 0)}

    async def has_client(self, instance_id: UUID) -> bool:
        """Tell whether Keycloak has a client of the instance."""
        return await find_client(self.realm.admin, instance_client_id(str(instance_id))) is not None

    async def until_step(self, run_id: UUID, step: str) -> None:
        """Wait until a worker has begun a step."""

        async def begun() -> bool:
            return (await self.steps(run_id))[step] in {"running", "done"}

        await eventually(begun, f"{step} has begun")

    async def until_state(self, run_id: UUID, *states: str) -> Run:
        """Wait until a run is in one of these states; gives it."""

        async def there() -> bool:
            return (await self.run(run_id)).state in states

        await eventually(there, f"the run is {' or '.join(states)}")
        return await self.run(run_id)

    async def until_tries(self, run_id: UUID, count: int) -> None:
        """Wait until so many tries have ended."""

        async def there() -> bool:
            return len([one for one in await self.tries(run_id) if one != "open"]) >= count

        await eventually(there, f"{count} tries have ended")

    async def worker_of(self, run_id: UUID, workers: Workers) -> Worker:
        """Find the worker that holds a run. Raises `LookupError` where none does."""
        found = workers.named((await self.run(run_id)).worker)
        if found is None:
            raise LookupError(str(run_id))
        return found

    async def let_time_pass(self, run_id: UUID) -> None:
        """Let the lease of a run and the heartbeat of the worker that has its job be over."""
        async with self.database.begin(OPERATOR) as session:
            long_ago = sa.func.clock_timestamp() - sa.text("interval '1 minute'")
            await session.execute(
                sa.update(Run).where(Run.id == run_id, Run.state == "running").values(lease_until=long_ago)
            )
            await session.execute(
                sa.text(
                    "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute' WHERE id IN"
                    " (SELECT worker_id FROM procrastinate_jobs WHERE status = 'doing' AND args->>'run_id' = :run)"
                ),
                {"run": str(run_id)},
            )

    async def make_due(self, run_id: UUID) -> None:
        """Let the time pass that a run waits for its next try."""
        async with self.database.begin(OPERATOR) as session:
            await session.execute(
                sa.update(Run).where(Run.id == run_id, Run.state == "waiting").values(due_at=sa.func.clock_timestamp())
            )
            await session.execute(
                sa.text(
                    "UPDATE procrastinate_jobs SET scheduled_at = now()"
                    " WHERE status = 'todo' AND args->>'run_id' = :run"
                ),
                {"run": str(run_id)},
            )

    async def end_everything(self) -> None:
        """Let no run go on that a test has left behind. No worker runs then."""
        async with self.database.begin(OPERATOR) as session:
            await session.execute(sa.update(Run).where(Run.state.not_in(FINAL)).values(state="cancelled", stop=None))
            await session.execute(sa.text("DELETE FROM procrastinate_jobs"))


@dataclass(frozen=True)
class Probe:
    """An instance of the probe: what it does on its host, and how the test holds it there."""

    instance: Instance
    host: str

    @property
    def home(self) -> str:
        """The instance's folder."""
        return f"/srv/coop/{instance_key(self.instance.id)}"

    @property
    def folder(self) -> str:
        """The test's folder, which no run removes."""
        return f"/var/lib/probe/{instance_key(self.instance.id)}"

    def on_host(self, command: str) -> str:
        """Do something on the host as root."""
        return said([*ssh(self.host), command])

    def hold(self, *actings: str) -> None:
        """Let these playbooks go on until they are let go."""
        self.on_host(
            f"mkdir -p {self.folder}; cd {self.folder}; touch acts {' '.join(f'hold-{one}' for one in actings)}"
        )

    def let_go(self) -> None:
        """Let all of them go to their end."""
        self.on_host(f"rm -f {self.folder}/hold-*")

    def fail(self, acting: str) -> None:
        """Let this playbook fail."""
        self.on_host(f"mkdir -p {self.folder}; touch {self.folder}/fail-{acting}")

    def fail_no_more(self) -> None:
        """Let them all succeed again."""
        self.on_host(f"rm -f {self.folder}/fail-*")

    def acts(self) -> list[tuple[str, str, int]]:
        """Read what was done, in order: begin, act or end; the playbook; the attempt."""
        lines = (line.split() for line in self.on_host(f"cat {self.folder}/acts 2>/dev/null || true").splitlines())
        return [(line[0], line[1], int(line[2])) for line in lines]

    def attempts(self) -> list[int]:
        """Give the attempts in the order in which they acted, each as often as it took over."""
        numbers = [number for _, _, number in self.acts()]
        return [number for place, number in enumerate(numbers) if place == 0 or numbers[place - 1] != number]

    def processes(self) -> str:
        """List what any attempt still runs on the host."""
        marked = f"grep -lsz '^COOP_ATTEMPT={self.instance.id} ' /proc/[0-9]*/environ || true"
        return self.on_host(f'for e in $({marked}); do tr "\\0" " " <"${{e%environ}}cmdline"; echo; done')

    def acting(self, kind: str, acting: str) -> bool:
        """Tell whether a playbook has come so far: begin, act or end."""
        return any(done[:2] == (kind, acting) for done in self.acts())


async def eventually(met: Callable[[], Awaitable[bool] | bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something is so; a database that is away is waited for. Raises `TimeoutError` where it never is."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = met()
            if found if isinstance(found, bool) else await found:
                return
        except AWAY:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(POLL_SECONDS)
