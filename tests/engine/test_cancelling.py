"""A run that somebody stops: before it began, between its steps, in the middle of one."""

import asyncio
from typing import Any

import pytest
from tests.engine.scripted import Lasting, Scripted

from catalog.instances.tables import Instance
from catalog.runs import control
from catalog.runs.context import StepContext
from catalog.runs.errors import RunOver
from catalog.runs.failures import UNEXPECTED, StepStopped, StepUnavailable


async def test_a_run_of_which_nothing_was_begun_ends_at_once(scripted: Scripted, instance: Instance) -> None:
    run_id = await scripted.start(instance)
    assert (await scripted.cancel(run_id, "at-next-task")).state == "cancelled"
    await scripted.work(run_id)
    assert scripted.done == {}
    assert (await scripted.run(run_id)).error is not None
    assert (await scripted.instance(instance)).state == "failed"
    assert await scripted.story(run_id) == ["run.ended"]


async def test_a_step_that_is_stopped_now_is_ended_outside_too(scripted: Scripted, instance: Instance) -> None:
    lasting = Lasting()
    scripted.step("provision", lasting)
    run_id = await scripted.start(instance)
    working = asyncio.create_task(scripted.work(run_id))
    await lasting.begun.wait()
    assert (await scripted.cancel(run_id, "now")).state == "running"
    await working
    run = await scripted.run(run_id)
    assert (run.state, (run.error or {})["code"], run.stop) == ("cancelled", "cancelled", None)
    assert scripted.ended == {"provision": 1}
    assert await scripted.steps(run_id) == [
        ("identity", "done"),
        ("provision", "pending"),
        ("verify", "pending"),
        ("publish", "pending"),
    ]
    assert await scripted.outcomes(run_id) == ["done", "cancelled"]


async def test_it_says_so_where_the_host_does_not_answer(scripted: Scripted, instance: Instance) -> None:
    async def unsure(_context: StepContext) -> bool:
        return False

    lasting = Lasting()
    scripted.step("provision", lasting, unsure)
    run_id = await scripted.start(instance)
    working = asyncio.create_task(scripted.work(run_id))
    await lasting.begun.wait()
    await scripted.cancel(run_id, "now")
    await working
    assert ((await scripted.run(run_id)).error or {})["code"] == "cancelled-host-unreachable"


async def test_a_step_hears_that_it_is_to_stop_at_its_next_task(scripted: Scripted, instance: Instance) -> None:
    begun = asyncio.Event()

    async def stops(context: StepContext) -> dict[str, Any]:
        begun.set()
        await context.stopping.wait()
        raise StepStopped

    scripted.step("provision", stops)
    run_id = await scripted.start(instance)
    working = asyncio.create_task(scripted.work(run_id))
    await begun.wait()
    await scripted.cancel(run_id, "at-next-task")
    await working
    assert (await scripted.run(run_id)).state == "cancelled"
    assert scripted.ended == {}


async def test_a_step_that_has_no_next_task_is_done_and_none_follows(scripted: Scripted, instance: Instance) -> None:
    lasting = Lasting()
    scripted.step("identity", lasting)
    run_id = await scripted.start(instance)
    working = asyncio.create_task(scripted.work(run_id))
    await lasting.begun.wait()
    await scripted.cancel(run_id, "at-next-task")
    lasting.go_on.set()
    await working
    assert (await scripted.run(run_id)).state == "cancelled"
    assert (await scripted.steps(run_id))[:2] == [("identity", "done"), ("provision", "pending")]


async def test_a_run_that_waits_for_its_next_try_is_ended_by_a_worker_first(
    scripted: Scripted, instance: Instance
) -> None:
    async def away(_context: StepContext) -> dict[str, Any]:
        raise StepUnavailable(UNEXPECTED)

    scripted.step("provision", away)
    run_id = await scripted.start(instance)
    await scripted.work(run_id)
    assert (await scripted.run(run_id)).state == "waiting"
    assert (await scripted.cancel(run_id, "now")).state == "queued"
    await scripted.work(run_id)
    assert (await scripted.run(run_id)).state == "cancelled"
    assert scripted.ended == {"provision": 1}, "what an earlier try left on the host is ended"


async def test_now_goes_before_at_next_task_and_asking_again_changes_nothing(
    scripted: Scripted, instance: Instance
) -> None:
    lasting = Lasting()
    scripted.step("identity", lasting)
    run_id = await scripted.start(instance)
    working = asyncio.create_task(scripted.work(run_id))
    await lasting.begun.wait()
    for stop, kept in (("at-next-task", "at-next-task"), ("now", "now"), ("at-next-task", "now")):
        assert (await scripted.cancel(run_id, stop)).stop == kept  # type: ignore[arg-type] # one of the two
    await working
    assert (await scripted.run(run_id)).state == "cancelled"


async def test_a_run_whose_worker_is_gone_is_ended_by_the_next(scripted: Scripted, instance: Instance) -> None:
    lasting = Lasting()
    scripted.step("provision", lasting)
    run_id = await scripted.start(instance)
    working = asyncio.create_task(scripted.work(run_id))
    await lasting.begun.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await scripted.cancel(run_id, "now")
    await scripted.change(run_id, lease_until=(await scripted.run(run_id)).created_at)
    await scripted.work(run_id, "worker-2")
    assert (await scripted.run(run_id)).state == "cancelled"
    assert await scripted.outcomes(run_id) == ["done", "interrupted", "cancelled"]


async def test_a_run_that_has_ended_can_not_be_stopped(scripted: Scripted, instance: Instance) -> None:
    await scripted.provisioned(instance)
    run_id = await scripted.start(instance, "verify")
    await scripted.work(run_id)
    with pytest.raises(RunOver):
        await scripted.say(control.cancel, run_id, stop="now")
