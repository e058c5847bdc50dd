"""An operator's shell: plain `ansible-playbook` from the checkout, against a server that is really served."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from tests.runs.scene import PLAYBOOKS, Scene, another_instance
from tests.support.environment import ROOT

from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.db.scope import OPERATOR
from catalog.runs.recovery import repeat
from catalog.runs.shell.lost import LostShells
from catalog.runs.shell.sealing import Sealer
from catalog.runs.tables import Hold, Run

INVENTORY = "playbooks/inventory/catalog.yml"
LOOK_SECONDS = 0.2
DEADLINE_SECONDS = 240


@dataclass(frozen=True)
class Ended:
    """How a command ended, and all that it said."""

    status: int
    said: str


@dataclass(frozen=True)
class OperatorShell:
    """A shell with a token of an operator and the hosts' SSH key, and a home of its own."""

    scene: Scene
    url: str
    token: str
    key_file: Path
    home: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "CATALOG_URL": self.url,
            "CATALOG_TOKEN": self.token,
            "ANSIBLE_PRIVATE_KEY_FILE": str(self.key_file),
            **self.more,
        }

    async def start(self, *words: str, **more: str) -> asyncio.subprocess.Process:
        """Start a command; its output is one stream."""
        return await asyncio.create_subprocess_exec(
            *words,
            cwd=ROOT,
            env=self.environment | more,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def run(self, *words: str, **more: str) -> Ended:
        """Run a command to its end."""
        return await ended(await self.start(*words, **more))

    async def play(self, playbook: str, *words: str, **more: str) -> Ended:
        """Run a playbook of the probe."""
        return await ended(await self.start_play(playbook, *words, **more))

    async def start_play(self, playbook: str, *words: str, **more: str) -> asyncio.subprocess.Process:
        """Start a playbook of the probe."""
        path = PLAYBOOKS / "tools" / "probe" / f"{playbook}.yml"
        return await self.start("ansible-playbook", "-i", INVENTORY, str(path), *words, **more)

    async def last_run(self) -> Run:
        """Give the newest run of the scene's instance."""
        async with self.scene.worker_database.begin(OPERATOR) as session:
            newest = sa.select(Run).where(Run.subject_id == self.scene.instance.id).order_by(Run.id.desc()).limit(1)
            return (await session.scalars(newest)).one()

    async def runs(self) -> list[Run]:
        """Give all runs, the newest last."""
        async with self.scene.worker_database.begin(OPERATOR) as session:
            return list(await session.scalars(sa.select(Run).order_by(Run.id)))

    async def desire(self, **parameters: Any) -> None:
        """Have the instance run, and be desired with these parameters."""
        async with self.scene.world.database.begin(OPERATOR) as session:
            instance = await session.get_one(Instance, self.scene.instance.id)
            instance.state = "running"
            instance.desired_parameters = parameters

    async def second_instance(self, hostname: str, member: Member | None = None) -> Instance:
        """Write another running instance of the probe down, by default of the same member."""
        member_id = None if member is None else member.id
        made = await another_instance(self.scene.world, self.scene.instance, hostname, member_id)
        async with self.scene.world.database.begin(OPERATOR) as session:
            (await session.get_one(Instance, made.id)).state = "running"
        return made

    async def hold(self, reason: str) -> None:
        """Hold everything."""
        async with self.scene.world.database.begin(OPERATOR) as session:
            session.add(Hold(scope="all", target="", reason=reason, placed_by="command"))

    async def command_of(self, run: Run) -> str | None:
        """Ask the API which line does a run's playbook again."""
        async with httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}) as client:
            answer = await client.get(f"/v1/runs/{run.id}")
        command: str | None = answer.json()["command"]
        return command


async def ended(process: asyncio.subprocess.Process) -> Ended:
    """Wait for a command's end. Raises `TimeoutError`, with what it said, where it has to be killed."""
    reading = asyncio.create_task(process.communicate())
    done, _ = await asyncio.wait({reading}, timeout=DEADLINE_SECONDS)
    if not done:
        process.kill()
    said = (await reading)[0].decode(errors="replace")
    if not done:
        raise TimeoutError(said)
    return Ended(process.returncode or 0, said)


def kill(process: asyncio.subprocess.Process, number: int = signal.SIGKILL) -> None:
    """Send a signal to the command itself, as a crash or Ctrl-C does."""
    process.send_signal(number)


@asynccontextmanager
async def workers_care(scene: Scene) -> AsyncIterator[None]:
    """Do what a worker does for shells, until the end."""
    stopping = asyncio.Event()
    sealer = Sealer(scene.worker_database, scene.parts.vault, (), "worker-1")
    lost = LostShells(scene.worker_database, scene.parts, queues=(), worker="worker-1")
    loops = asyncio.gather(
        repeat("sealing", sealer.seal_due, LOOK_SECONDS, stopping),
        repeat("lost shells", lost.end_all, LOOK_SECONDS, stopping),
    )
    try:
        yield
    finally:
        stopping.set()
        await loops
