"""When a run may begin: holds, what a host and a site do at once at most, and whose turn it is."""

import asyncio

import sqlalchemy as sa
from tests.engine.conftest import NewInstance
from tests.engine.scripted import Lasting, Scripted

from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.runs import holds
from catalog.runs.attempts import claim_run, for_worker
from catalog.runs.recovery import recover
from catalog.runs.service import SCHEDULE
from catalog.sites.tables import Host, Site


async def hold(scripted: Scripted, scope: holds.Scope, target: str | None) -> holds.Placed:
    async with scripted.world.database.begin(OPERATOR) as session:
        return await holds.place(session, scope, target, reason="Moving house.", actor="person:somebody")


async def lift(scripted: Scripted, placed: holds.Placed) -> None:
    async with scripted.world.database.begin(OPERATOR) as session:
        await holds.lift(session, placed.hold.id, actor="person:somebody")


async def allow(scripted: Scripted, table: type[Host] | type[Site], most: int) -> None:
    async with scripted.world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(table).values(most_runs=most))


async def test_no_run_begins_under_a_hold_and_it_goes_on_when_it_is_lifted(
    scripted: Scripted, instance: Instance
) -> None:
    targets: dict[holds.Scope, str | None] = {
        "all": None,
        "site": "vancouver",
        "host": "vancouver-1",
        "tool": "notes",
        "instance": instance.hostname,
    }
    await scripted.provisioned(instance)
    for scope, target in targets.items():
        placed = await hold(scripted, scope, target)
        run_id = await scripted.start(instance, "verify")
        await scripted.work(run_id)
        assert (await scripted.run(run_id)).state == "queued", scope
        await lift(scripted, placed)
        await scripted.work(run_id)
        assert (await scripted.run(run_id)).state == "succeeded", scope


async def test_a_hold_on_something_else_stands_in_nobodys_way(
    scripted: Scripted, instance: Instance, new_instance: NewInstance
) -> None:
    other = await new_instance("other")
    await hold(scripted, "instance", str(other.id))
    run_id = await scripted.start(instance)
    await scripted.work(run_id)
    assert (await scripted.run(run_id)).state == "succeeded"


async def test_what_has_begun_goes_on_under_a_hold(scripted: Scripted, instance: Instance) -> None:
    lasting = Lasting()
    scripted.step("identity", lasting)
    run_id = await scripted.start(instance)
    working = asyncio.create_task(scripted.work(run_id))
    await lasting.begun.wait()
    await hold(scripted, "all", None)
    lasting.go_on.set()
    await working
    assert (await scripted.run(run_id)).state == "succeeded"


async def test_a_host_does_no_more_at_once_than_it_may(
    scripted: Scripted, instance: Instance, new_instance: NewInstance
) -> None:
    await allow(scripted, Host, 1)
    first, second = await scripted.start(instance), await scripted.start(await new_instance("second"))
    lasting = Lasting()
    scripted.step("identity", lasting)
    working = asyncio.create_task(scripted.work(first))
    await lasting.begun.wait()
    await scripted.work(second, "worker-2")
    assert (await scripted.run(second)).state == "queued"
    lasting.go_on.set()
    await working
    await scripted.work(second, "worker-2")
    assert (await scripted.run(second)).state == "succeeded"


async def test_two_workers_that_admit_at_the_same_moment_give_one_place_away_once(
    scripted: Scripted, new_instance: NewInstance
) -> None:
    await allow(scripted, Site, 1)
    runs = [await scripted.start(await new_instance(f"notes-{number}")) for number in range(6)]
    claims = await asyncio.gather(
        *(claim_run(scripted.worker_database, run_id, worker=f"worker-{run_id}", may=for_worker(())) for run_id in runs)
    )
    assert len([claim for claim in claims if claim is not None]) == 1


async def test_a_run_that_waits_for_something_that_is_away_gives_its_place_up(
    scripted: Scripted, instance: Instance, new_instance: NewInstance
) -> None:
    await allow(scripted, Host, 1)
    await scripted.provisioned(instance)
    first = await scripted.start(instance, "verify")
    async with scripted.worker_database.begin(OPERATOR) as session:
        await session.execute(
            sa.text("UPDATE runs SET state = 'waiting', admitted_at = now() WHERE id = :id"), {"id": first}
        )
    second = await scripted.start(await new_instance("second"))
    await scripted.work(second)
    assert (await scripted.run(second)).state == "succeeded"


async def test_a_person_who_waits_goes_before_what_is_done_by_itself(
    scripted: Scripted, instance: Instance, new_instance: NewInstance
) -> None:
    nightly = await scripted.start(instance, priority=SCHEDULE)
    asked_for = await scripted.start(await new_instance("asked-for"))
    async with scripted.worker_database.begin(OPERATOR) as session:
        await session.execute(sa.text("DELETE FROM procrastinate_jobs"))
    assert await recover(scripted.worker_database) == 2
    async with scripted.worker_database.begin(OPERATOR) as session:
        order = await session.scalars(
            sa.text("SELECT args->>'run_id' FROM procrastinate_jobs ORDER BY priority DESC, id")
        )
        assert list(order) == [str(asked_for), str(nightly)]


async def test_a_held_run_gets_no_job_again_and_again(scripted: Scripted, instance: Instance) -> None:
    await hold(scripted, "all", None)
    await scripted.start(instance)
    async with scripted.worker_database.begin(OPERATOR) as session:
        await session.execute(sa.text("DELETE FROM procrastinate_jobs"))
    assert await recover(scripted.worker_database) == 0
