"""A batch on a real host: playbooks in waves, which stop when one fails."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.runs.scene import Scene, eventually

from catalog.batches import service, waves
from catalog.batches.reading import standing_counts
from catalog.batches.schemas import NewBatch
from catalog.batches.selection import BatchFilter
from catalog.batches.tables import Batch, BatchItem
from catalog.instances.reservations import Reservation, reserve
from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.platform.ids import instance_key, new_id
from catalog.runs.recovery import repeat
from catalog.runs.service import site_of
from catalog.runs.tables import Run
from catalog.tools.manifest import manifest_of
from catalog.tools.tables import ToolRevision

ACTOR = "command"
MANY_PLAYBOOKS_SECONDS = 600
GIVEN = "{{ lookup('pipe', 'id') }} é"


async def another(scene: Scene, name: str, doing: str) -> Instance:
    """Write a running instance of the probe down beside the scene's, whose playbook does so."""
    async with scene.world.database.begin(OPERATOR) as session:
        revision = await session.get_one(ToolRevision, scene.instance.desired_revision_id)
        manifest = manifest_of(revision)
        site = await site_of(session, scene.instance.host_id)
        instance = await reserve(
            session,
            Reservation(
                instance_id=new_id(),
                member_id=scene.instance.member_id,
                province="BC",
                site_id=site.id,
                revision_id=revision.id,
                manifest=manifest,
                plan=manifest.plans[0],
                parameters={"text": "typed", "doing": doing},
                hostname=f"{name}.coop-tools.test",
                purpose="A test.",
                owner_name="Made-up Owner",
                owner_email="owner@probe-college.example",
                language="en",
                ends_on=None,
                reference=None,
                labels={"batch": "yes"},
            ),
        )
        instance.state = "running"
    return instance


async def work(scene: Scene, stopping: asyncio.Event) -> None:
    """Do what a worker does: begin waves, and do the runs that are there, two at a time."""
    engine = scene.engine()

    async def runs() -> None:
        async with scene.worker_database.begin(OPERATOR) as session:
            open_runs = sa.select(Run.id).where(Run.state.in_(("queued", "waiting"))).order_by(Run.id)
            due = (await session.scalars(open_runs)).all()
        await asyncio.gather(*(engine.work(run_id) for run_id in due[:2]))

    await asyncio.gather(
        repeat("batches", lambda: waves.advance_all(scene.worker_database), 0.2, stopping),
        repeat("runs", runs, 0.2, stopping),
    )


@pytest.fixture
async def fleet(scene: Scene) -> AsyncIterator[list[Instance]]:
    """Four of the probe: the third one fails."""
    doing = ("write", "write", "fail", "write")
    made = [await another(scene, f"probe-{number}", each) for number, each in enumerate(doing)]
    yield made
    for instance in made:
        home = f"/srv/coop/{instance_key(instance.id)}"
        scene.on_host(f"rm -rf {home} /var/lib/coop-catalog/attempts/{instance.id}*")


async def state_of(scene: Scene, batch_id: UUID) -> str:
    async with scene.worker_database.begin(OPERATOR) as session:
        return (await session.get_one(Batch, batch_id)).state


async def test_waves_of_playbooks_stop_when_one_fails_and_those_alone_are_run_again(
    scene: Scene, fleet: list[Instance]
) -> None:
    asked = NewBatch(
        action="try",
        filter=BatchFilter(tool="probe", labels={"batch": "yes"}),
        reason="A test.",
        input={"text": GIVEN},
        wave=2,
        stop_at_percent=0,
    )
    async with scene.world.database.begin(OPERATOR) as session:
        batch = await service.make(session, asked, actor=ACTOR)
    stopping = asyncio.Event()
    working = asyncio.create_task(work(scene, stopping))

    async def ended() -> bool:
        return await state_of(scene, batch.id) != "running"

    try:
        await eventually(ended, "the batch has ended", seconds=MANY_PLAYBOOKS_SECONDS)
    finally:
        stopping.set()
        await working
    assert await state_of(scene, batch.id) == "stopped"
    async with scene.world.database.begin(OPERATOR) as session:
        counts = await standing_counts(session, [batch.id])
        errors = (await session.scalars(sa.select(Run.error).where(Run.batch_id == batch.id))).all()
        assert counts[batch.id] == {"succeeded": 2, "failed": 1, "left-out": 1}, errors
        items = await session.scalars(
            sa.select(BatchItem).where(BatchItem.batch_id == batch.id).order_by(BatchItem.instance_id)
        )
        assert [item.wave for item in items] == [1, 2, 2, None]
        again = await service.retry(session, batch.id, actor=ACTOR)
        chosen = await session.scalars(sa.select(BatchItem.instance_id).where(BatchItem.batch_id == again.id))
        assert chosen.all() == [fleet[2].id]
    for number, instance in enumerate(fleet):
        given = scene.on_host(f"cat /srv/coop/{instance_key(instance.id)}/given 2>/dev/null; echo .")
        assert given == (f"{GIVEN}." if number < 2 else ".")
