"""What follows when a patch has succeeded: a verify of each instance that runs on the host, once."""

from uuid import UUID

import sqlalchemy as sa
from tests.runs.scene import probe_instance
from tests.support.world import ACTOR, World

from catalog.instances.tables import Instance
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import new_id
from catalog.platform.outbox import Dispatcher, OutboxEvent, together
from catalog.requests.subscribers import SUBSCRIBERS
from catalog.runs.failures import CANCELLED
from catalog.runs.hosts.verifying import HOST_SUBSCRIBERS, LEFT
from catalog.runs.outcomes import end_run
from catalog.runs.service import start_instance_run
from catalog.runs.tables import Run


async def ended_well(worker_database: Database, host_id: UUID, action: str = "patch") -> Run:
    """End a run of the host well, as a worker does."""
    async with worker_database.begin(OPERATOR) as session:
        run = Run(
            id=new_id(),
            subject_kind="host",
            subject_id=host_id,
            host_id=host_id,
            action=action,
            definition=3,
            input={},
            requested_by=ACTOR,
            state="running",
        )
        session.add(run)
        await session.flush()
        await end_run(session, run, "succeeded", None)
    return run


async def deliver(worker_database: Database) -> None:
    await Dispatcher(worker_database, together(SUBSCRIBERS, HOST_SUBSCRIBERS)).deliver_due()


async def followers(worker_database: Database, patch: Run) -> list[str]:
    async with worker_database.begin(OPERATOR) as session:
        return list(await session.scalars(sa.select(Run.action).where(Run.cause_id == patch.id)))


async def test_each_running_instance_of_the_host_is_verified_once(world: World, worker_database: Database) -> None:
    instance = await probe_instance(world, "192.0.2.200", "ssh-ed25519 AAAA")
    patch = await ended_well(worker_database, instance.host_id)
    await deliver(worker_database)
    assert await followers(worker_database, patch) == [], "it was not running"
    async with world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Instance).values(state="running"))
    again = await ended_well(worker_database, instance.host_id)
    await deliver(worker_database)
    async with worker_database.begin(OPERATOR) as session:
        await session.execute(sa.update(OutboxEvent).values(delivered_at=None))
    await deliver(worker_database)
    assert await followers(worker_database, again) == ["verify"]


async def test_what_another_run_acts_on_is_verified_once_that_has_ended(
    world: World, worker_database: Database
) -> None:
    instance = await probe_instance(world, "192.0.2.200", "ssh-ed25519 AAAA")
    async with world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Instance).values(state="running"))
        found = await session.get_one(Instance, instance.id, populate_existing=True)
        other = await start_instance_run(session, found, "provision", requested_by=ACTOR)
    patch = await ended_well(worker_database, instance.host_id)
    await deliver(worker_database)
    assert await followers(worker_database, patch) == []
    async with worker_database.begin(OPERATOR) as session:
        left = await session.scalars(sa.select(OutboxEvent).where(OutboxEvent.kind == LEFT))
        assert [event.due_at > now() for event in left] == [True]
        await end_run(session, await session.get_one(Run, other.id), "cancelled", CANCELLED.as_json())
        await session.execute(sa.update(OutboxEvent).values(due_at=now()))
    await deliver(worker_database)
    assert await followers(worker_database, patch) == ["verify"]


async def test_other_runs_that_succeed_have_nothing_verified(world: World, worker_database: Database) -> None:
    instance = await probe_instance(world, "192.0.2.200", "ssh-ed25519 AAAA")
    async with world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Instance).values(state="running"))
    prepare = await ended_well(worker_database, instance.host_id, "prepare")
    await deliver(worker_database)
    assert await followers(worker_database, prepare) == []
