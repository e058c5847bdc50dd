"""The lists and the claim of a run in a large database, against the same in one that holds little more than a page."""

import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import sqlalchemy as sa

from bench.comparing import Comparison, Line
from bench.filling import ACTIVE, fill
from bench.own_database import OwnDatabase, own_database
from catalog.instances import service as instances
from catalog.instances.service import InstanceFilter
from catalog.members.tables import Member
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR, Scope
from catalog.platform.http.pages import PageRequest
from catalog.runs import reading as runs
from catalog.runs.attempts import claim_run
from catalog.runs.reading import Reader, RunFilter
from catalog.runs.recovery import recover
from catalog.runs.tables import Run

SMALL, FEW_EVENTS = 1_200, 12_000
ROUNDS = 21
AIM = 2.0

Measure = Callable[[], Awaitable[object]]


async def compare_large(count: int, events: int) -> list[Line]:
    """Compare each list as an operator and as a small member see it, the claim, and the look for what is due."""
    async with own_database() as small, own_database() as large:
        await fill(small, instances=SMALL, events=FEW_EVENTS)
        began = time.perf_counter()
        await fill(large, instances=count, events=events)
        print(f"{count} instances and {events} events in {time.perf_counter() - began:.0f} s", flush=True)
        async with _measures(small) as few, _measures(large) as many:
            return [await _compared(name, many[name], few[name]) for name in few]


@asynccontextmanager
async def _measures(made: OwnDatabase) -> AsyncIterator[dict[str, Measure]]:
    server = Database(made.server, name="bench-server", pool_size=2)
    worker = Database(made.worker, name="bench-worker", pool_size=2)
    try:
        yield await _lists(server) | await _claims(worker)
    finally:
        await server.close()
        await worker.close()


async def _lists(server: Database) -> dict[str, Measure]:
    async with server.begin(OPERATOR) as session:
        member = (await session.scalars(sa.select(Member).order_by(Member.alias).limit(1))).one()
        run_id = (await session.scalars(sa.select(Run.id).where(Run.action == "provision").limit(1))).one()
        subject = (await session.scalars(sa.select(Run.subject_id).where(Run.id == run_id))).one()
    reader = Reader(language="en", for_operator=True)
    page = PageRequest()

    def listed_instances(scope: Scope, wanted: InstanceFilter) -> Measure:
        async def look() -> object:
            async with server.begin(scope) as session:
                return await instances.list_instances(session, wanted, page)

        return look

    def listed_runs(scope: Scope, wanted: RunFilter) -> Measure:
        async def look() -> object:
            async with server.begin(scope) as session:
                return await runs.list_runs(session, wanted, page, reader)

        return look

    async def events() -> object:
        async with server.begin(OPERATOR) as session:
            return await runs.events_after(session, run_id, 0, 100)

    theirs = Scope(members=frozenset({member.id}))
    return {
        "instances": listed_instances(OPERATOR, InstanceFilter()),
        "instances that failed": listed_instances(OPERATOR, InstanceFilter(state="failed")),
        "instances of a tool": listed_instances(OPERATOR, InstanceFilter(tool="tool-1")),
        "instances of one member": listed_instances(OPERATOR, InstanceFilter(member=member.alias)),
        "instances, as a small member": listed_instances(theirs, InstanceFilter()),
        "runs": listed_runs(OPERATOR, RunFilter()),
        "runs that failed": listed_runs(OPERATOR, RunFilter(state="failed")),
        "runs of an instance": listed_runs(OPERATOR, RunFilter(instance=subject)),
        "runs of one member": listed_runs(OPERATOR, RunFilter(member=member.alias)),
        "runs, as a small member": listed_runs(theirs, RunFilter()),
        "events of a run": events,
    }


async def _claims(worker: Database) -> dict[str, Measure]:
    async with worker.begin(OPERATOR) as session:
        queued = list(await session.scalars(sa.select(Run.id).where(Run.state == "queued").limit(ACTIVE)))

    while await recover(worker):
        continue
    waiting = iter(queued)

    async def claim() -> object:
        claimed = await claim_run(worker, next(waiting), worker="bench", queues=("core",))
        if claimed is None:
            raise RuntimeError("not claimed")
        return claimed

    return {"the look for runs that are due": lambda: recover(worker), "the claim of a run": claim}


async def _compared(name: str, large: Measure, small: Measure) -> Comparison:
    """Measure in turns, so that whatever else the machine does weighs on both."""
    timings: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, found in zip((large, small), timings, strict=True):
            began = time.perf_counter()
            await work()
            found.append((time.perf_counter() - began) * 1e6)
    return Comparison(f"large against small: {name}", statistics.median(timings[0]), statistics.median(timings[1]), AIM)
