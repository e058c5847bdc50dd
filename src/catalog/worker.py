"""Composition root of the worker: does runs, looks after those that nobody does, begins waves, delivers events."""

import asyncio
import os
import signal
import socket

import structlog

from catalog.batches import waves
from catalog.platform.db.engine import Database
from catalog.platform.outbox import Dispatcher, together
from catalog.platform.secrets import Vault
from catalog.requests.subscribers import SUBSCRIBERS
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.engine import Engine
from catalog.runs.hosts.verifying import HOST_SUBSCRIBERS
from catalog.runs.orphans.survey import Surveyor
from catalog.runs.queue import RunQueue
from catalog.runs.recovery import look_after, repeat
from catalog.runs.shell.lost import LOOK_SECONDS, LostShells
from catalog.runs.shell.sealing import SEAL_SECONDS, Sealer
from catalog.runs.steps.parts import Parts
from catalog.runs.steps.table import steps_of
from catalog.schedules.loop import SCHEDULE_SECONDS, run_schedules
from catalog.settings import WorkerSettings

POOL_SIZE = 10
DELIVER_SECONDS = 1.0
ORPHANS_SECONDS = 10.0
PATIENCE_SECONDS = 20
SWEEP_SECONDS = 60
UNHEARD = dict.fromkeys(
    (
        "batch.cancelled",
        "batch.done",
        "batch.stopped",
        "instance.attention",
        "instance.drifted",
        "instance.ending",
        "instance.extended",
        "instance.purge-asked",
        "instance.removal-asked",
        "instance.removal-taken-back",
    ),
    (),
)
"""Kinds of event that this version tells of and nobody here listens to: else they would be left for another version."""

log = structlog.get_logger()


async def run_worker(settings: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT: what is being done is finished within 20 seconds, or given back."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    database = Database(settings.database, name="catalog-worker", pool_size=POOL_SIZE)
    parts = _parts(settings)
    engine = Engine(database, steps_of(parts), worker=name, queues=settings.queues)
    surveyor = Surveyor(database, parts, settings.queues)
    queue = RunQueue(settings.database, engine.work, name=name, queues=settings.queues)
    outbox = Dispatcher(database, together(SUBSCRIBERS, HOST_SUBSCRIBERS, UNHEARD))
    sealer = Sealer(database, parts.vault, settings.queues, name)
    lost_shells = LostShells(database, parts, queues=settings.queues, worker=name)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    log.info("worker.started", worker=name, queues=list(settings.queues) or "all")
    try:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(queue.serve())
            tasks.create_task(look_after(database, stopping, events_kept_days=settings.events_kept_days))
            tasks.create_task(repeat("schedules", lambda: run_schedules(database), SCHEDULE_SECONDS, stopping))
            tasks.create_task(repeat("outbox", outbox.deliver_due, DELIVER_SECONDS, stopping))
            tasks.create_task(repeat("orphans", surveyor.look, ORPHANS_SECONDS, stopping))
            tasks.create_task(repeat("sealing", sealer.seal_due, SEAL_SECONDS, stopping))
            tasks.create_task(repeat("lost shells", lost_shells.end_all, LOOK_SECONDS, stopping))
            tasks.create_task(repeat("batches", lambda: waves.advance_all(database), waves.LOOK_SECONDS, stopping))
            tasks.create_task(repeat("memory", parts.playbooks.sweep, SWEEP_SECONDS, stopping))
            tasks.create_task(_stop(stopping, serving, queue, engine))
    finally:
        await database.close()
    log.info("worker.stopped", worker=name)


async def _stop(stopping: asyncio.Event, serving: asyncio.Task[None], queue: RunQueue, engine: Engine) -> None:
    await stopping.wait()
    log.info("worker.stopping")
    queue.stop()
    await asyncio.wait({serving}, timeout=PATIENCE_SECONDS)
    engine.give_back()


def _parts(settings: WorkerSettings) -> Parts:
    return Parts(
        vault=Vault(settings.secret_keys),
        playbooks=PlaybookRunner(settings.ansible_user, settings.ssh_key_file),
        issuer=settings.issuer,
        clients=settings.keycloak,
        people=settings.keycloak_people,
    )
