"""What tests of two versions side by side do with them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from tests.runs.scene import SITE, Scene, eventually
from tests.support.coop import asked, decide
from tests.support.issuer import Issuer
from tests.support.people import Someone
from tests.upgrades.versions import Running, Version, free_port

from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import instance_key
from catalog.runs.definitions import StepPlan, site_queue
from catalog.runs.service import start_run

KNOWN_BEFORE, NOT_KNOWN_BEFORE = 1, 1_000_000
CALL_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """A server of some version, and how people call it."""

    url: str
    issuer: Issuer

    @asynccontextmanager
    async def as_(self, someone: Someone) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {self.issuer.token(someone)}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=CALL_SECONDS) as client:
            yield client


@dataclass(frozen=True)
class Sides:
    """A database with an instance of the probe on a real host, on which servers and workers of any version run."""

    scene: Scene
    issuer: Issuer
    server_environment: dict[str, str]
    worker_environment: dict[str, str]
    asker: Someone
    operator: Someone

    @asynccontextmanager
    async def server(self, version: Version) -> AsyncIterator[Server]:
        port = free_port()
        environment = {**self.server_environment, "CATALOG_BIND": f"127.0.0.1:{port}"}
        async with version.running("serve", environment, says="Serving on"):
            one = Server(f"http://127.0.0.1:{port}", self.issuer)

            async def answers() -> bool:
                try:
                    async with httpx.AsyncClient(base_url=one.url, timeout=CALL_SECONDS) as client:
                        return (await client.get("/v1/tools")).status_code == httpx.codes.OK
                except httpx.TransportError:
                    return False

            await eventually(answers, "the server answers")
            yield one

    def worker(self, version: Version) -> AbstractAsyncContextManager[Running]:
        return version.running("worker", self.worker_environment, says="worker.started")

    async def start(self, doing: str, *further: str, definition: int = KNOWN_BEFORE) -> UUID:
        """Start a run of the probe's playbooks: `provision`, which does what `doing` says, and then `further` ones."""
        queue = site_queue(SITE)
        async with self.scene.world.database.begin(OPERATOR) as session:
            instance = await session.get_one(Instance, self.scene.instance.id)
            run = await start_run(
                session,
                subject_kind="instance",
                subject_id=instance.id,
                member_id=instance.member_id,
                action="provision",
                input={
                    "revision_id": str(instance.desired_revision_id),
                    "parameters": {"text": "typed", "doing": doing},
                    "plan": instance.plan,
                    "host_id": str(instance.host_id),
                    "hostname": instance.hostname,
                },
                requested_by="command",
                steps=[StepPlan(name, queue, 120) for name in ("provision", *further)],
                definition=definition,
            )
        return run.id

    async def until_run(self, run_id: UUID, state: str) -> None:
        """Wait until a run is in a state."""

        async def is_so() -> bool:
            run = await self.scene.run(run_id)
            assert run.state in {state, "queued", "running", "waiting"}, run.error
            return run.state == state

        await eventually(is_so, f"the run is {state}")

    async def until_on_host(self, file: str) -> None:
        """Wait until the probe has made a file in its folder."""

        async def is_there() -> bool:
            return self.scene.on_host(f"ls {self.scene.home}/{file} 2>/dev/null || true") != ""

        await eventually(is_there, f"{file} is on the host")

    async def until_not_told(self, run_id: UUID) -> None:
        """Wait until a worker has taken the job that tells of a run, and left the run alone."""

        async def is_gone() -> bool:
            async with self.scene.worker_database.begin(OPERATOR) as session:
                statement = sa.text("SELECT count(*) FROM procrastinate_jobs WHERE args->>'run_id' = :run")
                return await session.scalar(statement, {"run": str(run_id)}) == 0

        await eventually(is_gone, "a worker has heard of the run")

    def let_go_on(self) -> None:
        """Let the probe's playbook that waits come to its end."""
        self.scene.on_host(f"touch {self.scene.home}/go-on")

    def short(self, instance_id: UUID) -> str:
        """Give the name that an instance has on its host."""
        return instance_key(instance_id)

    async def approved(self, server: Server) -> dict[str, Any]:
        """Ask for a probe and approve it, both at one server; give the request as it is then."""
        async with server.as_(self.asker) as client:
            request = await asked(client, tool="probe", parameters={"text": "typed — « é »"})
        async with server.as_(self.operator) as client:
            answer = await decide(client, request, "approve")
        assert answer.status_code == httpx.codes.OK, answer.text
        decided: dict[str, Any] = answer.json()
        return decided
