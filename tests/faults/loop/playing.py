"""One round: runs begin, faults come, all is healed, and every run comes to its end."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from subprocess import CalledProcessError
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from devkit.hosts import machines
from sqlalchemy.exc import DBAPIError
from tests.faults.lab import FINAL
from tests.faults.loop.injecting import FAULTS, Heal
from tests.faults.loop.stage import Stage, Tool
from tests.faults.loop.tally import STEPS, Tally
from tests.faults.small_disks import disk_of, make_room

from catalog.platform.db.scope import OPERATOR
from catalog.runs.tables import Run, RunStep

AT_LEAST = 2
"""So many workers run whenever all is well."""
TABLES = {"publish": "instances", "release": "ports"}
LONGEST_SECONDS = {"provision": 6.0, "deprovision": 3.0, "verify": 2.0, "suspend": 2.0}
"""How far into a step a fault may come; into others half a second."""
MOST_RETRIES = 4
AWAY = (DBAPIError, OSError, CalledProcessError)
"""What is said where another fault is there already."""
ACTIONS = {
    "running": ("verify", "verify", "update", "provision", "suspend"),
    "suspended": ("resume",),
}


@dataclass
class Round:
    """What is played in a round, by its own dice."""

    stage: Stage
    tally: Tally
    dice: random.Random
    say: Callable[[str], None]
    patience_seconds: float
    runs: dict[UUID, str] = field(default_factory=dict)
    heals: list[asyncio.Task[None]] = field(default_factory=list)

    async def play(self, before: Sequence[Tool], guest: Tool | None) -> None:
        """Play it. The guest is an instance that comes and goes."""
        await self._keep_workers()
        await self._begin(before, guest)
        for _ in range(self.dice.randint(2, 3)):
            await self._hit()
        await asyncio.gather(*self.heals, return_exceptions=True)
        await self._mend_all()
        await self._to_the_end()

    async def _mend_all(self) -> None:
        """Leave nothing broken, whatever the faults made of each other."""
        stage = self.stage
        await asyncio.to_thread(machines.up, stage.hosts)
        await asyncio.to_thread(stage.lab.postgres.start)
        stage.lab.way.open()
        for folder in (stage.memory, *map(disk_of, stage.hosts)):
            make_room(folder)
        for worker in stage.workers.running():
            worker.thaw()

    async def _begin(self, before: Sequence[Tool], guest: Tool | None) -> None:
        lab = self.stage.lab
        for tool in self.dice.sample(list(before), min(len(before), 2)):
            action = self.dice.choice(ACTIONS[(await lab.instance(tool.row.id)).state])
            self.runs[await lab.start(tool.row, action)] = f"{action} {tool.row.tool_slug}"
        if guest is not None:
            instance = await lab.instance(guest.row.id)
            action = "provision" if instance.state == "provisioning" else "deprovision"
            self.runs[await lab.start(guest.row, action)] = f"{action} {guest.row.tool_slug}"
        self.runs[await lab.sign_on(f"loop-{self.dice.getrandbits(32):08x}")] = "sign-on"
        self.say(f"  {', '.join(self.runs.values())}")

    async def _hit(self) -> None:
        """Wait for a step that was hit least by something, and hit it at a random moment."""
        ahead = await self._ahead()
        if not ahead:
            return
        fault, step = self.tally.choose(ahead, self.dice)
        async with _Slowed(self.stage, step):
            run_id = await self._reached(step)
            if run_id is None:
                return
            if step not in TABLES:
                await asyncio.sleep(
                    self.dice.uniform(0, 3) if step in {"provision", "deprovision"} else self.dice.random()
                )
            with suppress(*AWAY):
                hit = await self._running()
                heal = await FAULTS[fault](self.stage, run_id, self.dice)
                self.tally.hit(fault, hit.values())
                self.say(f"  {fault} in {', '.join(hit.values()) or 'between steps'}")
                self.heals.append(asyncio.create_task(self._healed(heal)))

    async def _healed(self, heal: Heal) -> None:
        await heal()
        await self._keep_workers()

    async def _ahead(self) -> list[str]:
        """Name the steps that are still to be done."""
        try:
            async with self.stage.lab.database.begin(OPERATOR) as session:
                found = await session.scalars(
                    sa.select(RunStep.name)
                    .join(Run, Run.id == RunStep.run_id)
                    .where(Run.id.in_(self.runs), Run.state.not_in(FINAL), RunStep.state.not_in(("done", "skipped")))
                )
                return [name for name in found if name in STEPS]
        except AWAY:
            return []

    async def _running(self) -> dict[UUID, str]:
        """Give the steps that are being done, by their runs."""
        async with self.stage.lab.database.begin(OPERATOR) as session:
            found = await session.execute(
                sa.select(Run.id, RunStep.name)
                .join(RunStep, RunStep.run_id == Run.id)
                .where(Run.id.in_(self.runs), Run.state == "running", RunStep.state == "running")
            )
            return dict(found.all())

    async def _reached(self, step: str) -> UUID | None:
        """Wait until the step is being done; none where it is not any more, or something else holds it up."""
        deadline = time.monotonic() + self.patience_seconds / 3
        while time.monotonic() < deadline:
            with suppress(*AWAY):
                found = await self._running()
                if step in found.values():
                    return next(run_id for run_id, name in found.items() if name == step)
                if step not in await self._ahead():
                    return None
            await self._help(healed=False)
            await asyncio.sleep(0.05)
        return None

    async def _to_the_end(self) -> None:
        """Let every run come to its end; what failed or was cancelled is tried again, as an operator would."""
        retries: dict[UUID, int] = {}
        deadline = time.monotonic() + self.patience_seconds
        while time.monotonic() < deadline:
            await self._keep_workers()
            await self._help(healed=True)
            states = await self._states()
            again = [run_id for run_id, state in states.items() if state in {"failed", "cancelled"}]
            for run_id in again:
                retries[run_id] = retries.get(run_id, 0) + 1
                if retries[run_id] > MOST_RETRIES:
                    return
                error = (await self.stage.lab.run(run_id)).error or {}
                self.say(f"  {self.runs[run_id]}: {error.get('code')} in {error.get('step')}; tried again")
                await self.stage.lab.retry(run_id)
            if not again and all(state in FINAL for state in states.values()):
                return
            await asyncio.sleep(0.2)

    async def _states(self) -> dict[UUID, str]:
        async with self.stage.lab.database.begin(OPERATOR) as session:
            found = await session.execute(sa.select(Run.id, Run.state).where(Run.id.in_(self.runs)))
            return dict(found.all())

    async def _help(self, *, healed: bool) -> None:
        """Let time pass where it would only be waited for: leases of dead workers, and next tries once it helps."""
        with suppress(*AWAY):
            alive = [one.name for one in self.stage.workers.running() if not one.frozen]
            async with self.stage.lab.database.begin(OPERATOR) as session:
                found = await session.execute(
                    sa.select(Run.id, Run.state).where(
                        Run.id.in_(self.runs),
                        sa.or_(
                            sa.and_(Run.state == "running", Run.worker.not_in(alive)),
                            sa.and_(Run.state == "waiting", Run.due_at > sa.func.clock_timestamp()),
                        ),
                    )
                )
                rows = found.all()
            for run_id, state in rows:
                if state == "running":
                    await self.stage.lab.let_time_pass(run_id)
                elif healed:
                    await self.stage.lab.make_due(run_id)

    async def _keep_workers(self) -> None:
        working = [one for one in self.stage.workers.running() if not one.frozen and not one.ending]
        if len(working) < AT_LEAST:
            self.stage.workers.start(AT_LEAST - len(working))


_NEXT = sa.text(
    """
    SELECT EXISTS (
        SELECT FROM runs r JOIN run_steps s ON s.run_id = r.id AND s.name = :step AND s.state <> 'done'
        JOIN run_steps b ON b.run_id = r.id AND b.position = s.position - 1
        WHERE r.state IN ('queued', 'running') AND (
            b.state = 'done' OR (b.state = 'running' AND b.queue = 'core') OR (b.state = 'running' AND EXISTS (
                SELECT FROM run_events e
                WHERE e.run_id = r.id AND e.kind = 'task.started' AND e.data->>'task' = 'Tell the result'
                AND e.sequence > (
                    SELECT max(sequence) FROM run_events WHERE run_id = r.id AND kind = 'step.started')))))
    """
)


class _Slowed:
    """Makes a step that is over in an instant last until something has hit it."""

    def __init__(self, stage: Stage, step: str) -> None:
        self._stage = stage
        self._step = step
        self._connection: asyncpg.Connection | None = None
        self._lock: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        if self._step not in TABLES:
            return
        with suppress(*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._connection = await asyncpg.connect(self._stage.lab.at.owner.url)
            self._lock = asyncio.create_task(self._hold())

    async def _hold(self) -> None:
        """Take the lock as soon as the run is one step before, so that what comes earlier is not held up for long."""
        with suppress(*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
            while not await self._is_next():  # noqa: ASYNC110 - what it looks at sets no event
                await asyncio.sleep(0.05)
            if self._connection is not None:
                await self._connection.execute(f"BEGIN; LOCK TABLE {TABLES[self._step]} IN ACCESS EXCLUSIVE MODE")

    async def _is_next(self) -> bool:
        """Tell whether the step before it is at its end: done, or at Keycloak, or at its playbook's last task."""
        async with self._stage.lab.database.begin(OPERATOR) as session:
            return bool(await session.scalar(_NEXT, {"step": self._step}))

    async def __aexit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.cancel()
            await asyncio.gather(self._lock, return_exceptions=True)
        if self._connection is not None:
            self._connection.terminate()
