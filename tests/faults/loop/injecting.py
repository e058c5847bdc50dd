"""The faults: each comes at once, and tells how it is healed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import sqlalchemy as sa
from devkit.hosts import faults, machines
from tests.faults.loop.stage import Stage
from tests.faults.small_disks import disk_of, fill, make_room
from tests.faults.workers import Worker

from catalog.platform.db.scope import OPERATOR
from catalog.platform.errors import CatalogError

Heal = Callable[[], Awaitable[None]]
Fault = Callable[[Stage, UUID, random.Random], Awaitable[Heal]]
"""Hits a stage in the middle of the run with this id, and gives what heals it. It may take a moment of its own."""

SHORT, LONG = 1.0, 25.0


async def kill_worker(stage: Stage, run_id: UUID, _dice: random.Random) -> Heal:
    """SIGKILL of the worker that does the run."""
    worker = await _worker(stage, run_id)
    if worker is not None:
        worker.kill()
    return _nothing


async def freeze_worker(stage: Stage, run_id: UUID, dice: random.Random) -> Heal:
    """SIGSTOP of the worker with all that it started. It wakes when its successor is at work."""
    worker = await _worker(stage, run_id)
    if worker is None:
        return _nothing
    worker.freeze()
    stage.workers.start()

    async def thaw() -> None:
        await asyncio.sleep(dice.uniform(2, 8))
        worker.thaw()

    return thaw


async def end_worker(stage: Stage, run_id: UUID, _dice: random.Random) -> Heal:
    """SIGTERM of the worker that does the run."""
    worker = await _worker(stage, run_id)
    if worker is not None:
        worker.ask_to_end()
    return _nothing


async def restart_machine(stage: Stage, _run_id: UUID, _dice: random.Random) -> Heal:
    """All workers, PostgreSQL and the hosts lose their power."""
    await asyncio.to_thread(stage.lab.postgres.stop)
    stage.workers.kill_all()
    for host in stage.hosts:
        await asyncio.to_thread(faults.cut_power, host)

    async def heal() -> None:
        await asyncio.to_thread(machines.up, stage.hosts)
        await asyncio.to_thread(stage.lab.postgres.start)

    return heal


async def restart_postgres(stage: Stage, _run_id: UUID, dice: random.Random) -> Heal:
    """PostgreSQL ends at once, and comes back after a moment."""
    await asyncio.to_thread(stage.lab.postgres.stop)

    async def heal() -> None:
        await asyncio.sleep(dice.uniform(0, 3))
        await asyncio.to_thread(stage.lab.postgres.start)

    return heal


async def close_keycloak(stage: Stage, _run_id: UUID, dice: random.Random) -> Heal:
    """Keycloak's connections are cut, and it takes no new ones."""
    stage.lab.way.close()

    async def heal() -> None:
        await asyncio.sleep(dice.uniform(1, 12))
        stage.lab.way.open()

    return heal


async def cut_host(stage: Stage, _run_id: UUID, dice: random.Random) -> Heal:
    """Both hosts' cables are taken out, for a moment or for longer than SSH waits."""
    for host in stage.hosts:
        faults.cut(host)

    async def heal() -> None:
        await asyncio.sleep(dice.choice((SHORT, LONG)))
        for host in stage.hosts:
            faults.mend(host)

    return heal


async def fill_worker(stage: Stage, _run_id: UUID, dice: random.Random) -> Heal:
    """The memory that workers keep their files in is full."""
    await asyncio.to_thread(fill, stage.memory)

    async def heal() -> None:
        await asyncio.sleep(dice.uniform(1, 6))
        make_room(stage.memory)

    return heal


async def fill_hosts(stage: Stage, _run_id: UUID, dice: random.Random) -> Heal:
    """Both hosts' disks are full."""
    for host in stage.hosts:
        await asyncio.to_thread(fill, disk_of(host))

    async def heal() -> None:
        await asyncio.sleep(dice.uniform(1, 6))
        for host in stage.hosts:
            make_room(disk_of(host))

    return heal


async def delete_jobs(stage: Stage, run_id: UUID, _dice: random.Random) -> Heal:
    """Every job row is deleted, and the run's worker is killed: nothing tells of the run any more."""
    worker = await _worker(stage, run_id)
    if worker is not None:
        worker.kill()
    async with stage.lab.database.begin(OPERATOR) as session:
        await session.execute(sa.text("DELETE FROM procrastinate_jobs"))
    return _nothing


async def cancel_now(stage: Stage, run_id: UUID, _dice: random.Random) -> Heal:
    """Somebody cancels the run now."""
    try:
        await stage.lab.cancel(run_id, "now")
    except CatalogError:
        return _nothing  # it has just ended
    return _nothing


FAULTS: Mapping[str, Fault] = {
    "worker killed": kill_worker,
    "worker frozen": freeze_worker,
    "worker asked to end": end_worker,
    "machine restarted": restart_machine,
    "PostgreSQL restarted": restart_postgres,
    "Keycloak away": close_keycloak,
    "host cut off": cut_host,
    "worker's disk full": fill_worker,
    "host's disk full": fill_hosts,
    "jobs deleted": delete_jobs,
    "cancelled": cancel_now,
}


async def _worker(stage: Stage, run_id: UUID) -> Worker | None:
    return stage.workers.named((await stage.lab.run(run_id)).worker)


async def _nothing() -> None:
    return
