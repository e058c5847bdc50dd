"""The lists and the claim of a run in a large database, against the same in one that holds a page of each."""

import statistics
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import sqlalchemy as sa

from bench.comparing import Comparison
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

SMALL, FEW_EVENTS = 400, 4_000
ROUNDS = 31
AIM = 2.0

Measure = Callable[[], Awaitable[object]]


async def compare_large(count: int, events: int) -> list[Comparison]:
    """Compare each list as an operator and as a small member see it, the claim, and the look for what is due."""
    async with own_database() as small, own_database() as large:
        await fill(small, instances=SMALL, events=FEW_EVENTS)
        began = time.perf_counter()
        await fill(large, instances=count, events=events)
        print(f"{count} instances and {events} events in {time.perf_counter() - began:.0f} s", flush=True)
        few, many = await _timings(small), await _timings(large)
    title = f"with {count} instances and {events} events: "
    return [Comparison(title + name, many[name], few[name], AIM) for name in few]


async def _timings(made: OwnDatabase) -> dict[str, float]:
    server = Database(made.server, name="bench-server", pool_size=2)
    worker = Database(made.worker, name="bench-worker", pool_size=2)
    try:
        found = {name: await _microseconds(work) for name, work in (await _lists(server)).items()}
        return found | await _claims(worker)
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


async def _claims(worker: Database) -> dict[str, float]:
    async with worker.begin(OPERATOR) as session:
        queued = list(await session.scalars(sa.select(Run.id).where(Run.state == "queued").limit(ACTIVE)))

    async def claim(run_id: UUID) -> None:
        if await claim_run(worker, run_id, worker="bench", queues=("core",)) is None:
            raise RuntimeError("not claimed")

    waiting = iter(queued)
    found = {"the claim of a run": await _microseconds(lambda: claim(next(waiting)))}
    async with worker.begin(OPERATOR) as session:
        await session.execute(sa.text("DELETE FROM procrastinate_jobs"))
    await recover(worker)
    return found | {"the look for runs that are due": await _microseconds(lambda: recover(worker))}


async def _microseconds(work: Measure) -> float:
    timings = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        timings.append((time.perf_counter() - began) * 1e6)
    return statistics.median(timings)
