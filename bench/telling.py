"""Events: how many are taken in a second, against the same rows by plain asyncpg; and what those who watch cost."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from bench.comparing import Comparison, Line, Rate
from bench.own_database import OwnDatabase, own_database
from bench.scene import Scene, scene
from bench.watching import WATCHES
from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.runs.attempts import Attempt, claim_run
from catalog.runs.events import MOST_WAITING, EventWriter
from catalog.settings import DatabaseSettings

EVENTS, ROUNDS, WATCHERS = 10_000, 3, 50
TASK = {"task": "Write the settings of the wiki", "host": "instance_host", "role": "wiki", "message": "done " * 20}
INSERT = (
    "INSERT INTO run_events (run_id, sequence, member_id, recorded_at, kind, data)"
    " SELECT $1, unnest($2::bigint[]), $3, now(), 'task.ok', unnest($4::jsonb[])"
)


async def compare_telling() -> list[Line]:
    """Tell so many events of one run with nobody watching, with many who read, and with many who never read."""
    async with own_database() as made, scene(made, instances=ROUNDS * 4) as (one, instances):
        waiting = iter(instances)
        timings: list[tuple[float, float, float, float]] = []
        for _ in range(ROUNDS):
            plain = await _plainly(made, next(waiting))
            alone = await _told(made, one, next(waiting), None)
            read = await _told(made, one, next(waiting), "reading")
            unread = await _told(made, one, next(waiting), "not-reading")
            timings.append((plain, alone, read, unread))
    plain, alone, read, unread = (statistics.median(column) * 1e6 for column in zip(*timings, strict=True))
    return [
        Rate("events taken in", EVENTS / alone * 1e6, "a second"),
        Comparison("the same rows, against plain asyncpg in batches", alone, plain),
        Comparison(f"with {WATCHERS} who watch, against nobody", read, alone),
        Comparison(f"with {WATCHERS} who watch and never read, against nobody", unread, alone),
    ]


async def _told(made: OwnDatabase, one: Scene, instance: Instance, manner: str | None) -> float:
    (run_id,) = await one.start([instance])
    database = Database(made.worker, name="bench-worker", pool_size=2)
    try:
        claim = await claim_run(database, run_id, worker="bench", queues=())
        if claim is None:
            raise RuntimeError("not claimed")
        writer = EventWriter(Attempt(database, claim))
        async with _watched(made.server, run_id, manner):
            began = time.perf_counter()
            for _ in range(EVENTS):
                await writer.add("task.ok", **TASK)
            await writer.flush()
            return time.perf_counter() - began
    finally:
        await database.close()


@asynccontextmanager
async def _watched(server: DatabaseSettings, run_id: UUID, manner: str | None) -> AsyncIterator[None]:
    if manner is None:
        yield
        return
    command = [sys.executable, "-m", "bench.watching", str(run_id), str(WATCHERS), manner]
    with subprocess.Popen(command, env=os.environ | {"BENCH_DATABASE": server.url}, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220 - it is told of in one line
        try:
            if process.stdout is None or WATCHES not in await asyncio.to_thread(process.stdout.readline):
                raise RuntimeError("nobody watches")
            yield
        finally:
            process.terminate()


async def _plainly(made: OwnDatabase, instance: Instance) -> float:
    connection = await asyncpg.connect(made.worker.url)
    try:
        data = json.dumps(TASK)
        began = time.perf_counter()
        for first in range(1, EVENTS, MOST_WAITING):
            sequences = list(range(first, first + MOST_WAITING))
            await connection.execute(INSERT, instance.id, sequences, instance.member_id, [data] * MOST_WAITING)
        return time.perf_counter() - began
    finally:
        await connection.close()
