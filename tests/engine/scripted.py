"""Runs whose steps do what a test tells them, and nothing else."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from tests.support.world import World

from catalog.instances.reservations import Reservation, reserve
from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import new_id
from catalog.runs import control
from catalog.runs.context import Step, StepContext
from catalog.runs.engine import Engine
from catalog.runs.service import start_instance_run
from catalog.runs.tables import Run, RunEvent, RunStep, StepTry
from catalog.sites.tables import Site
from catalog.tools.manifest import manifest_of
from catalog.tools.service import current_revision

# What the steps give that say what differs, where nothing does.
NOTHING_DIFFERS: dict[str, dict[str, Any]] = {
    "compare-sign-on": {"differences": []},
    "compare-host": {"comparison": {"changes": [], "unpredicted": [], "changed_by_hand": []}},
}
Doing = Callable[[StepContext], Awaitable[dict[str, Any]]]
Ending = Callable[[StepContext], Awaitable[bool]]


class Scripted:
    """What each step does; a step of which nothing was said is done at once. `done` counts how often each was."""

    def __init__(self, world: World, worker_database: Database) -> None:
        self.world = world
        self.worker_database = worker_database
        self.done: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self._does: dict[str, Doing] = {}
        self._ends: dict[str, Ending] = {}

    def step(self, name: str, does: Doing, ends: Ending | None = None) -> None:
        """Say what a step does from now on, and how it is ended outside."""
        self._does[name] = does
        if ends is not None:
            self._ends[name] = ends

    def engine(self, worker: str = "worker-1") -> Engine:
        """Give a worker's engine."""
        return Engine(self.worker_database, _Table(self), worker=worker)

    async def start(self, instance: Instance, action: str = "provision", **named: Any) -> UUID:
        """Start a run."""
        async with self.world.database.begin(OPERATOR) as session:
            found = await session.get_one(Instance, instance.id)
            return (await start_instance_run(session, found, action, requested_by="command", **named)).id

    async def work(self, run_id: UUID, worker: str = "worker-1") -> None:
        """Have a worker do all that it may do of a run now."""
        engine = self.engine(worker)
        before = None
        while (now := await self._progress(run_id)) != before:
            before = now
            await engine.work(run_id)

    async def provisioned(self, instance: Instance) -> Instance:
        """Have the instance's first provision succeed."""
        await self.work(await self.start(instance))
        found = await self.instance(instance)
        assert found.state == "running"
        return found

    async def say(self, what: Callable[..., Awaitable[Run]], run_id: UUID, **named: Any) -> Run:
        """Cancel, retry or abandon a run, as the server's role."""
        async with self.world.database.begin(OPERATOR) as session:
            return await what(session, run_id, actor="person:somebody", **named)

    async def cancel(self, run_id: UUID, stop: control.Stop) -> Run:
        """Ask a run to stop."""
        return await self.say(control.cancel, run_id, stop=stop)

    async def run(self, run_id: UUID) -> Run:
        """Read a run."""
        async with self.worker_database.begin(OPERATOR) as session:
            return await session.get_one(Run, run_id)

    async def instance(self, instance: Instance) -> Instance:
        """Read an instance as it is now."""
        async with self.worker_database.begin(OPERATOR) as session:
            return await session.get_one(Instance, instance.id)

    async def steps(self, run_id: UUID) -> list[tuple[str, str]]:
        """Read the steps' names and states."""
        async with self.worker_database.begin(OPERATOR) as session:
            found = await session.scalars(sa.select(RunStep).where(RunStep.run_id == run_id).order_by(RunStep.position))
            return [(one.name, one.state) for one in found]

    async def outcomes(self, run_id: UUID) -> list[str | None]:
        """Read how each try ended."""
        async with self.worker_database.begin(OPERATOR) as session:
            found = await session.scalars(
                sa.select(StepTry.outcome).where(StepTry.run_id == run_id).order_by(StepTry.attempt)
            )
            return list(found)

    async def story(self, run_id: UUID) -> list[str]:
        """Read the kinds of its events, and hold them to their numbers."""
        async with self.worker_database.begin(OPERATOR) as session:
            found = (
                await session.scalars(sa.select(RunEvent).where(RunEvent.run_id == run_id).order_by(RunEvent.sequence))
            ).all()
        assert [one.sequence for one in found] == list(range(1, len(found) + 1))
        return [one.kind for one in found]

    async def change(self, run_id: UUID, **values: Any) -> None:
        """Let time pass for a run, by its columns."""
        async with self.worker_database.begin(OPERATOR) as session:
            await session.execute(sa.update(Run).where(Run.id == run_id).values(**values))

    async def _progress(self, run_id: UUID) -> tuple[object, ...]:
        run = await self.run(run_id)
        return run.state, run.attempt, await self.steps(run_id)

    def made(self, name: str) -> Step:
        """Give the step of this name."""

        async def do(context: StepContext) -> dict[str, Any]:
            does = self._does.get(name)
            output = await does(context) if does is not None else NOTHING_DIFFERS.get(name, {})
            self.done[name] += 1
            return output

        async def end(context: StepContext) -> bool:
            self.ended[name] += 1
            ends = self._ends.get(name)
            return True if ends is None else await ends(context)

        return Step(do, end)


class _Table(dict[str, Step]):
    """Every name is a step's."""

    def __init__(self, scripted: Scripted) -> None:
        super().__init__()
        self._scripted = scripted

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 - a mapping's signature
        """Give the step."""
        return self._scripted.made(name)


class Lasting:
    """A step that begins and goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, _context: StepContext) -> dict[str, Any]:
        """Begin, and wait."""
        self.begun.set()
        await self.go_on.wait()
        return {}


async def instance_of(world: World, member: Member, site: Site, name: str) -> Instance:
    """Write an instance of the notes tool down, with its place."""
    async with world.database.begin(OPERATOR) as session:
        revision = await current_revision(session, "notes")
        if revision is None:
            raise LookupError("notes")
        manifest = manifest_of(revision)
        return await reserve(
            session,
            Reservation(
                instance_id=new_id(),
                member_id=member.id,
                province="BC",
                site_id=site.id,
                revision_id=revision.id,
                manifest=manifest,
                plan=manifest.plans[0],
                parameters={"title": "Field notes"},
                hostname=f"{name}.coop-tools.test",
                purpose="A test.",
                owner_name="Made-up Owner",
                owner_email="owner@birch.example",
                language="en",
                ends_on=None,
                reference=None,
                labels={},
            ),
        )
