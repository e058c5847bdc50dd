"""A run that failed: tried again from where it stood, or given up without harm to what was there before."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.engine.scripted import Scripted

from catalog.instances.tables import Hostname, Instance, Placement, Port
from catalog.platform.audit import AuditEntry
from catalog.platform.db.scope import OPERATOR
from catalog.runs import control
from catalog.runs.context import StepContext
from catalog.runs.errors import RunNotEnded, RunNotOpenForThis, RunSuperseded, SubjectBusy
from catalog.runs.failures import UNEXPECTED, StepFailed, StepUnavailable


async def breaks(_context: StepContext) -> dict[str, Any]:
    raise StepFailed(UNEXPECTED)


async def works(_context: StepContext) -> dict[str, Any]:
    return {}


async def failed_provision(scripted: Scripted, instance: Instance) -> UUID:
    scripted.step("provision", breaks)
    run_id = await scripted.start(instance)
    await scripted.work(run_id)
    assert (await scripted.run(run_id)).state == "failed"
    return run_id


async def test_a_retry_goes_on_from_the_step_that_failed(scripted: Scripted, instance: Instance) -> None:
    run_id = await failed_provision(scripted, instance)
    assert (await scripted.instance(instance)).state == "failed"
    scripted.step("provision", works)
    run = await scripted.say(control.retry, run_id, verbosity=3)
    assert (run.state, run.verbosity) == ("queued", 3)
    assert (await scripted.instance(instance)).state == "provisioning"
    await scripted.work(run_id)
    assert (await scripted.run(run_id)).state == "succeeded"
    assert scripted.done == {"identity": 1, "provision": 1, "verify": 1, "publish": 1}
    assert await scripted.outcomes(run_id) == ["done", "failed", "done", "done", "done"]
    assert (await scripted.instance(instance)).state == "running"


async def test_each_trys_story_and_error_stay(scripted: Scripted, instance: Instance) -> None:
    run_id = await failed_provision(scripted, instance)
    await scripted.say(control.retry, run_id, verbosity=0)
    await scripted.work(run_id)
    story = await scripted.story(run_id)
    assert story.count("step.failed") == 2
    assert story.index("run.retried") < len(story) - story[::-1].index("step.failed")


async def test_a_person_who_tries_again_gives_a_transient_failure_all_its_tries(
    scripted: Scripted, instance: Instance
) -> None:
    async def away(_context: StepContext) -> dict[str, Any]:
        raise StepUnavailable(UNEXPECTED)

    async def try_until_it_ends(run_id: UUID) -> int:
        tries = 0
        while (await scripted.run(run_id)).state in {"queued", "waiting"}:
            await scripted.change(run_id, due_at=(await scripted.run(run_id)).created_at)
            await scripted.engine().work(run_id)
            tries += 1
        return tries

    scripted.step("identity", away)
    run_id = await scripted.start(instance)
    first = await try_until_it_ends(run_id)
    await scripted.say(control.retry, run_id, verbosity=0)
    assert first == await try_until_it_ends(run_id) > 1


async def test_what_goes_on_or_went_well_is_neither_tried_again_nor_given_up(
    scripted: Scripted, instance: Instance
) -> None:
    run_id = await scripted.start(instance)
    with pytest.raises(RunNotEnded):
        await scripted.say(control.retry, run_id, verbosity=0)
    with pytest.raises(RunNotEnded):
        await scripted.say(control.abandon, run_id)
    await scripted.work(run_id)
    with pytest.raises(RunNotOpenForThis):
        await scripted.say(control.abandon, run_id)


async def test_a_run_that_a_later_one_took_further_is_left_alone(scripted: Scripted, instance: Instance) -> None:
    run_id = await failed_provision(scripted, instance)
    later = await scripted.start(instance)
    with pytest.raises(RunSuperseded) as refused:
        await scripted.say(control.retry, run_id, verbosity=0)
    assert refused.value.values == {"run": later}
    with pytest.raises(SubjectBusy):
        await scripted.start(instance)


async def test_an_abandoned_first_provision_takes_back_all_that_it_made(scripted: Scripted, instance: Instance) -> None:
    run_id = await failed_provision(scripted, instance)
    assert (await scripted.say(control.abandon, run_id)).state == "queued"
    await scripted.work(run_id)
    run = await scripted.run(run_id)
    assert (run.state, run.undoes) == ("abandoned", True)
    assert await scripted.steps(run_id) == [
        ("identity", "done"),
        ("provision", "skipped"),
        ("verify", "skipped"),
        ("publish", "skipped"),
        ("deprovision", "done"),
        ("remove-identity", "done"),
        ("release", "done"),
    ]
    assert (await scripted.instance(instance)).state == "removed"


async def test_an_undoing_that_fails_can_be_tried_again(scripted: Scripted, instance: Instance) -> None:
    run_id = await failed_provision(scripted, instance)
    scripted.step("deprovision", breaks)
    await scripted.say(control.abandon, run_id)
    await scripted.work(run_id)
    assert (await scripted.run(run_id)).state == "failed"
    assert (await scripted.instance(instance)).state != "removed"
    scripted.step("deprovision", works)
    await scripted.say(control.abandon, run_id)
    await scripted.work(run_id)
    assert (await scripted.run(run_id)).state == "abandoned"
    assert [name for name, _ in await scripted.steps(run_id)].count("deprovision") == 1


@pytest.mark.parametrize("action", ["update", "verify", "provision", "upgrade", "reconcile", "suspend"])
async def test_abandoning_anything_else_removes_nothing_and_says_what_needs_attention(
    scripted: Scripted, instance: Instance, action: str
) -> None:
    before = await scripted.provisioned(instance)
    async with scripted.world.database.begin(OPERATOR) as session:
        (await session.get_one(Instance, instance.id)).desired_parameters = {"title": "Wished for"}
    for step in ("provision", "verify", "suspend"):
        scripted.step(step, breaks)
    run_id = await scripted.start(instance, action)
    await scripted.work(run_id)
    assert (await scripted.run(run_id)).state == "failed"
    assert (await scripted.say(control.abandon, run_id)).state == "abandoned"
    after = await scripted.instance(instance)
    assert (after.state, after.attention) == ("running", f"{action}-abandoned")
    assert after.applied_parameters == before.applied_parameters
    applies = action not in {"verify", "suspend"}
    assert after.desired_parameters == ({"title": "Field notes"} if applies else {"title": "Wished for"})
    async with scripted.worker_database.begin(OPERATOR) as session:
        for table in (Hostname, Placement, Port):
            held = await session.scalar(
                sa.select(sa.func.count()).select_from(table).where(table.instance_id == instance.id)
            )
            assert held, table.__tablename__
    assert "deprovision" not in scripted.done


async def test_who_said_it_stands_in_the_audit_trail(scripted: Scripted, instance: Instance) -> None:
    run_id = await failed_provision(scripted, instance)
    await scripted.say(control.retry, run_id, verbosity=1)
    await scripted.cancel(run_id, "now")
    async with scripted.world.database.begin(OPERATOR) as session:
        entries = await session.scalars(
            sa.select(AuditEntry).where(AuditEntry.actor == "person:somebody").order_by(AuditEntry.id)
        )
        told = [(entry.action, entry.details["run_id"]) for entry in entries]
    assert told[:2] == [("run.retried", str(run_id)), ("run.cancel-asked", str(run_id))]
