"""What people say to runs, and what runs do by themselves, on real hosts: retry, cancel, abandon, time limits."""

import math
import time

import pytest
from devkit.hosts import faults
from tests.faults.holding import holder
from tests.faults.lab import Lab, Probe, eventually
from tests.faults.workers import Workers

from catalog.platform.db.scope import OPERATOR
from catalog.runs.ansible import fence
from catalog.runs.tables import Hold

STAYED = {"placements": 1, "ports": 1, "names": 1}
NOTHING = {"placements": 0, "ports": 0, "names": 0}


async def test_a_playbooks_own_failure_is_not_retried_and_a_retry_goes_on_from_the_failed_step(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    probe.fail("verify")
    run_id = await lab.start(probe.instance, "provision")
    run = await lab.until_state(run_id, "failed", "waiting", "succeeded")
    error = run.error or {}
    assert (run.state, error["code"], error["step"]) == ("failed", "playbook-failed", "verify")
    assert "the probe was told to fail" in error["message"]
    assert await lab.tries(run_id) == ["done", "done", "failed"]
    probe.fail_no_more()
    await lab.retry(run_id, verbosity=4)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert await lab.tries(run_id) == ["done", "done", "failed", "done", "done"]
    told = "".join(event.data["text"] for event in await lab.events(run_id) if event.kind == "output")
    assert "ESTABLISH SSH CONNECTION" in told, told[-2000:]
    assert workers.running()


async def test_cancel_at_the_next_task_lets_the_task_end_and_begins_no_other(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        first = await held.reached(run_id, "provision", 1)
        await lab.cancel(run_id, "at-next-task")
        await eventually(lambda: told_to_stop(workers, lab), "its playbook has heard of it")
        await held.let_go("provision")
        run = await lab.until_state(run_id, "cancelled", "succeeded", "failed")
    assert (run.state, (run.error or {})["code"]) == ("cancelled", "cancelled")
    assert ("end", "provision", first) not in probe.acts()
    assert await lab.steps(run_id) == {
        "identity": "done",
        "provision": "pending",
        "verify": "pending",
        "publish": "pending",
    }
    await lab.retry(run_id)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert await lab.tries(run_id) == ["done", "cancelled", "done", "done", "done"]


async def test_cancel_now_ends_the_command_on_the_host_too_and_the_run_can_be_tried_again(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        first = await held.reached(run_id, "provision", 1)
        await lab.cancel(run_id, "now")
        run = await lab.until_state(run_id, "cancelled", "succeeded", "failed")
        assert (run.state, (run.error or {})["code"]) == ("cancelled", "cancelled")
        assert probe.processes() == ""
        refused = probe.on_host(f"{fence.PATH} {probe.instance.id} {first} -c 'echo acted'; echo $?")
        assert refused == str(fence.REFUSED)
    await lab.retry(run_id)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert workers.running()


async def test_cancel_now_on_a_host_that_does_not_answer_says_that_something_may_go_on_there(
    lab: Lab, workers: Workers, probe: Probe, host: str
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        first = await held.reached(run_id, "provision", 1)
        faults.cut(host)
        await lab.cancel(run_id, "now")
        run = await lab.until_state(run_id, "cancelled", "waiting", "failed")
        faults.mend(host)
        assert (run.state, (run.error or {})["code"]) == ("cancelled", "cancelled-host-unreachable")
        assert await lab.tries(run_id, "provision") == ["cancelled"], "no other attempt was begun"
        await lab.retry(run_id)
        await held.reached(run_id, "provision", first)
        assert f"provision {first}" not in probe.processes()
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert workers.running()


async def test_a_run_whose_worker_is_gone_can_be_cancelled_all_the_same(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        await held.reached(run_id, "provision", 1)
        (await lab.worker_of(run_id, workers)).kill()
        await lab.cancel(run_id, "at-next-task")
        await lab.let_time_pass(run_id)
        run = await lab.until_state(run_id, "cancelled", "succeeded", "failed")
        assert (run.state, (run.error or {})["code"]) == ("cancelled", "cancelled")
        assert probe.processes() == ""


async def test_cancelling_a_run_that_waits_for_its_next_try_does_not_wait_for_that(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    lab.way.close()
    run_id = await lab.start(probe.instance, "provision")
    await lab.until_state(run_id, "waiting")
    await lab.cancel(run_id, "at-next-task")
    assert (await lab.until_state(run_id, "cancelled", "failed")).state == "cancelled"
    assert workers.running()


async def test_a_run_that_was_asked_to_stop_ends_when_its_host_goes_away_instead_of_waiting_for_it(
    lab: Lab, workers: Workers, probe: Probe, host: str
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        await held.reached(run_id, "provision", 1)
        await lab.cancel(run_id, "at-next-task")
        faults.cut(host)
        run = await lab.until_state(run_id, "cancelled", "waiting", "failed")
        faults.mend(host)
    assert (run.state, (run.error or {})["code"]) == ("cancelled", "cancelled-host-unreachable")
    assert workers.running()


async def test_a_run_that_a_hold_keeps_from_beginning_again_can_be_cancelled(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    probe.fail("provision")
    run_id = await lab.start(probe.instance, "provision")
    await lab.until_state(run_id, "failed")
    async with lab.api.begin(OPERATOR) as session:
        hold = Hold(scope="instance", target=str(probe.instance.id), reason="A test.", placed_by="operator.coop")
        session.add(hold)
    await lab.retry(run_id)
    await lab.cancel(run_id, "now")
    assert (await lab.until_state(run_id, "cancelled", "failed")).state == "cancelled"
    assert workers.running()


async def test_a_step_that_takes_too_long_is_ended_here_and_on_the_host_and_fails(
    lab: Lab, workers: Workers, running: Probe
) -> None:
    limit = await long_enough(lab, running)
    async with holder(lab, running) as held:
        await held.hold("verify")
        run_id = await lab.start(running.instance, "verify", verify=limit)
        await held.reached(run_id, "verify", 0)
        run = await lab.until_state(run_id, "failed", "succeeded")
        assert (run.state, (run.error or {})["code"]) == ("failed", "step-timed-out")
        assert running.processes() == ""
        assert await lab.tries(run_id) == ["done", "done", "failed"]
    assert workers.running()


async def test_a_step_that_takes_too_long_on_a_host_that_does_not_answer_is_not_begun_again(
    lab: Lab, workers: Workers, running: Probe, host: str
) -> None:
    limit = await long_enough(lab, running)
    async with holder(lab, running) as held:
        await held.hold("verify")
        run_id = await lab.start(running.instance, "verify", verify=limit)
        await held.reached(run_id, "verify", 0)
        faults.freeze(host)
        run = await lab.until_state(run_id, "failed", "waiting", "succeeded")
        faults.thaw(host)
    assert (await lab.tries(run_id)) == ["done", "done", "failed"]
    assert (run.error or {})["code"] in {"step-timed-out", "host-unreachable"}
    assert workers.running()


@pytest.mark.parametrize("step", ["provision", "verify"])
async def test_abandoning_a_first_provision_leaves_nothing(
    lab: Lab, workers: Workers, probe: Probe, member: str, step: str
) -> None:
    probe.fail(step)
    run_id = await lab.start(probe.instance, "provision")
    await lab.until_state(run_id, "failed")
    assert await lab.has_client(probe.instance.id)
    assert await lab.held(probe.instance.id) == STAYED
    await lab.abandon(run_id)
    run = await lab.until_state(run_id, "abandoned", "failed")
    assert run.state == "abandoned", run.error
    instance = await lab.instance(probe.instance.id)
    assert (instance.state, instance.attention) == ("removed", None)
    assert not await lab.has_client(instance.id)
    assert await lab.held(instance.id) == NOTHING
    assert probe.on_host(f"test -e {probe.home} && echo there || echo gone") == "gone"
    again = await lab.reserved(member, "probe", "vancouver", instance.hostname.partition(".")[0])
    assert again.hostname == instance.hostname
    assert workers.running()


async def test_giving_up_a_first_provision_goes_on_when_keycloak_was_away(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    probe.fail("provision")
    run_id = await lab.start(probe.instance, "provision")
    await lab.until_state(run_id, "failed")
    lab.way.close()
    await lab.abandon(run_id)
    run = await lab.until_state(run_id, "waiting", "abandoned")
    assert (run.state, (run.error or {})["step"]) == ("waiting", "remove-identity")
    lab.way.open()
    await lab.make_due(run_id)
    assert (await lab.until_state(run_id, "abandoned", "failed")).state == "abandoned"
    assert not await lab.has_client(probe.instance.id)
    assert workers.running()


@pytest.mark.parametrize(("action", "step"), [("update", "provision"), ("verify", "verify"), ("suspend", "suspend")])
async def test_abandoning_anything_else_removes_nothing_and_says_what_needs_attention(
    lab: Lab, workers: Workers, running: Probe, action: str, step: str
) -> None:
    kept = running.on_host(f"sha256sum {running.home}/text")
    running.fail(step)
    run_id = await lab.start(running.instance, action)
    await lab.until_state(run_id, "failed")
    await lab.abandon(run_id)
    assert (await lab.run(run_id)).state == "abandoned"
    instance = await lab.instance(running.instance.id)
    assert (instance.state, instance.attention) == ("running", f"{action}-abandoned")
    assert instance.desired_parameters == instance.applied_parameters
    assert running.on_host(f"sha256sum {running.home}/text") == kept
    assert await lab.has_client(instance.id)
    assert await lab.held(instance.id) == STAYED
    running.fail_no_more()
    again = await lab.start(running.instance, "provision")
    assert (await lab.until_state(again, "succeeded", "failed")).state == "succeeded"
    assert (await lab.instance(instance.id)).attention is None
    assert workers.running()


async def long_enough(lab: Lab, running: Probe) -> int:
    """Give a time limit in which a step comes to its middle here, by how long a whole one takes."""
    began = time.monotonic()
    assert (await lab.until_state(await lab.start(running.instance, "verify"), "succeeded")).state == "succeeded"
    return 2 * math.ceil(time.monotonic() - began) + 2


def told_to_stop(workers: Workers, lab: Lab) -> bool:
    """Tell whether a playbook's process has been told to end before its next task."""
    assert workers.running()
    return bool(list((lab.folder / "memory").glob("*/stop")))
