"""Who may act on a host: its own run alone, the others together, each in turn, whatever races."""

import asyncio

import pytest
import sqlalchemy as sa
from tests.hosts.lines import LATER, Line, line_at
from tests.support.world import World

from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.recovery import recover
from catalog.runs.tables import Run


@pytest.fixture
async def line(world: World, worker_database: Database) -> Line:
    return await line_at(world, worker_database)


async def test_a_hosts_run_waits_until_the_runs_that_act_on_the_host_have_ended(line: Line) -> None:
    first, second = await line.instance_run(), await line.instance_run()
    assert await line.begins(first)
    assert await line.begins(second)
    patch = await line.host_run()
    assert not await line.begins(patch)
    await line.end(first)
    assert not await line.begins(patch)
    await line.end(second)
    assert await line.begins(patch)


async def test_nothing_begins_beside_a_hosts_run_and_all_of_it_afterwards(line: Line) -> None:
    patch = await line.host_run()
    assert await line.begins(patch)
    waiting = [await line.instance_run() for _ in range(3)]
    assert [await line.begins(run) for run in waiting] == [False, False, False]
    await line.change(patch, state="waiting")
    assert not await line.begins(waiting[0]), "while the host restarts, its run waits, and still has the host"
    await line.end(patch)
    assert [await line.begins(run) for run in waiting] == [True, True, True]


async def test_what_is_asked_for_after_a_hosts_run_waits_behind_it_however_urgent(line: Line) -> None:
    acting = await line.instance_run()
    assert await line.begins(acting)
    patch = await line.host_run(priority=0)
    urgent = await line.instance_run(priority=100)
    assert not await line.begins(urgent)
    await line.end(acting)
    assert not await line.begins(urgent)
    assert await line.begins(patch)


async def test_a_hosts_run_waits_behind_what_was_asked_for_before_it(line: Line) -> None:
    earlier = await line.instance_run(priority=0)
    patch = await line.host_run(priority=100)
    assert not await line.begins(patch)
    assert await line.begins(earlier)
    await line.end(earlier)
    assert await line.begins(patch)


async def test_what_is_held_or_not_due_yet_stands_in_nobodys_way(line: Line) -> None:
    held, later = await line.instance_run(), await line.instance_run()
    async with line.worker_database.begin(OPERATOR) as session:
        subject = (await session.get_one(Run, held)).subject_id
    await line.hold("instance", str(subject))
    await line.change(later, due_at=now() + LATER)
    patch = await line.host_run()
    assert await line.begins(patch)


async def test_a_patch_for_tonight_keeps_nobody_waiting_now(line: Line) -> None:
    patch = await line.host_run()
    await line.change(patch, due_at=now() + LATER)
    assert await line.begins(await line.instance_run())


async def test_an_instances_run_that_waits_for_something_keeps_its_place_on_the_host(line: Line) -> None:
    acting = await line.instance_run()
    assert await line.begins(acting)
    await line.change(acting, state="waiting")
    assert not await line.begins(await line.host_run())
    assert await line.begins(acting), "it goes on"


@pytest.mark.parametrize("host_first", [True, False])
async def test_of_all_that_want_to_begin_at_once_a_hosts_run_is_never_with_another(
    line: Line, *, host_first: bool
) -> None:
    await line.take(100)
    runs = [await line.host_run()] if host_first else []
    runs += [await line.instance_run() for _ in range(3)]
    if not host_first:
        runs.append(await line.host_run())
    left, kinds_together = set(runs), []
    while left:
        await asyncio.gather(*(line.claim(run) for run in left for _ in range(2)))
        begun = await line.begun()
        assert begun, "somebody begins in each round"
        kinds_together.append(sorted({run.subject_kind for run in begun}))
        for run in begun:
            await line.end(run.id)
            left.discard(run.id)
    assert kinds_together == ([["host"], ["instance"]] if host_first else [["instance"], ["host"]])


async def test_a_worker_of_the_version_before_begins_nothing_beside_a_hosts_run(line: Line) -> None:
    patch, other = await line.host_run(), await line.instance_run()
    assert await line.begins(patch)
    async with line.worker_database.begin(OPERATOR) as session:
        without_looking = sa.update(Run).where(Run.id == other).values(admitted_at=sa.func.now(), state="running")
        changed = await session.execute(without_looking.returning(Run.id))
        assert changed.all() == [], "the database leaves the row as it was"


async def test_who_waited_is_told_when_the_host_is_free(line: Line) -> None:
    async def told() -> set[str]:
        async with line.worker_database.begin(OPERATOR) as session:
            await session.execute(sa.text("DELETE FROM procrastinate_jobs"))
        await recover(line.worker_database)
        async with line.worker_database.begin(OPERATOR) as session:
            return set(await session.scalars(sa.text("SELECT args ->> 'run_id' FROM procrastinate_jobs")))

    patch, other = await line.host_run(), await line.instance_run()
    assert await line.begins(patch)
    assert await told() == set()
    await line.end(patch)
    assert await told() == {str(other)}
