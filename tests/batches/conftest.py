"""Batches on a real PostgreSQL, with workers whose steps do what a test tells them."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.engine.scripted import Scripted, instance_of
from tests.support.coop import Coop
from tests.support.world import World

from catalog.batches import waves
from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.context import StepContext
from catalog.runs.failures import UNEXPECTED, StepFailed
from catalog.runs.tables import Run
from catalog.sites.service import site_by_slug
from catalog.sites.tables import Host

Wiki = Callable[..., Awaitable[Instance]]
ACCEPTED = 202


class Fleet:
    """Instances that run, an operator who makes batches of them, and a worker."""

    def __init__(self, scripted: Scripted, operator: httpx.AsyncClient) -> None:
        self.scripted = scripted
        self.operator = operator
        self.database: Database = scripted.worker_database
        self.failing: set[str] = set()
        scripted.step("verify", self._verify)

    async def make(self, *, headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
        """Make a batch that verifies all; `fields` replace those of the body."""
        answer = await self.post(headers=headers, **fields)
        assert answer.status_code == ACCEPTED, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def post(
        self, *, headers: dict[str, str] | None = None, params: dict[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        """Ask for a batch that verifies all."""
        body = {"action": "verify", "filter": {}, "reason": "A test.", "wave": 2} | fields
        return await self.operator.post("/v1/batches", json=body, headers=headers or {}, params=params or {})

    async def read(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Read a batch as it is now."""
        read: dict[str, Any] = (await self.operator.get(batch["links"]["self"])).json()
        return read

    async def items(self, batch: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        """Read its instances, in the order of its waves."""
        answer = await self.operator.get(batch["links"]["items"], params=query)
        return list(reversed(answer.json()["items"]))

    async def advance(self) -> None:
        """Let a worker look after the batches once."""
        await waves.advance_all(self.database)

    async def work(self) -> int:
        """Let a worker do all runs that are under way; give how many they were."""
        async with self.database.begin(OPERATOR) as session:
            found = (await session.scalars(sa.select(Run.id).where(Run.state == "queued").order_by(Run.id))).all()
        for run_id in found:
            await self.scripted.work(run_id)
        return len(found)

    async def _verify(self, context: StepContext) -> dict[str, Any]:
        async with self.database.begin(OPERATOR) as session:
            instance = await session.get_one(Instance, context.claim.subject_id)
        if instance.hostname.partition(".")[0] in self.failing:
            raise StepFailed(UNEXPECTED)
        return {}


@pytest.fixture
def fleet(world: World, worker_database: Database, coop: Coop, client_as: ClientAs) -> Fleet:
    return Fleet(Scripted(world, worker_database), client_as(coop.olga))


@pytest.fixture
async def wiki(world: World, coop: Coop) -> Wiki:
    """Give a way to write a running instance of the notes tool down, at Birch or Maple."""
    async with world.database.begin(OPERATOR) as session:
        sites = {slug: await site_by_slug(session, slug) for slug in ("vancouver", "quebec")}
        await session.execute(sa.update(Host).values(memory_mb=1_000_000, disk_mb=10_000_000, cpu_percent=100_000))

    async def made(name: str, *, at: str = "birch", **columns: Any) -> Instance:
        member, site = (coop.birch, sites["vancouver"]) if at == "birch" else (coop.maple, sites["quebec"])
        instance = await instance_of(world, member, site, name)
        async with world.database.begin(OPERATOR) as session:
            found = await session.get_one(Instance, instance.id)
            found.state, found.applied_revision_id = "running", found.desired_revision_id
            found.applied_parameters = found.desired_parameters
            for column, value in columns.items():
                setattr(found, column, value)
        return found

    return made
