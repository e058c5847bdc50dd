"""What workers stand on goes away: database, Keycloak, host, disks, the queue. The run goes on, or says what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from devkit.hosts import faults, machines
from tests.faults.holding import holder
from tests.faults.lab import Lab, Probe
from tests.faults.small_disks import disk_of, fill, make_room
from tests.faults.workers import Workers

from catalog.platform.db.scope import OPERATOR
from catalog.runs.failures import MOST_TRIES
from catalog.runs.tables import Run


async def test_a_restart_of_postgresql_in_the_middle_interrupts_no_playbook_and_holds_nothing_else_up(
    lab: Lab, workers: Workers, running: Probe
) -> None:
    async with holder(lab, running) as held:
        await held.hold("verify")
        run_id = await lab.start(running.instance, "verify")
        await held.reached(run_id, "verify", 0)
        for other in workers.running():
            if other.name != (await lab.run(run_id)).worker:
                other.kill()
        lab.postgres.restart()
        another = await lab.sign_on("meanwhile-college")
        assert (await lab.until_state(another, "succeeded", "failed")).state == "succeeded"
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert await lab.tries(run_id) == ["done", "done", "done"]


@pytest.mark.parametrize("step", ["identity", "publish"])
async def test_a_restart_of_postgresql_is_no_failure_of_a_step_that_writes_there(
    lab: Lab, workers: Workers, probe: Probe, step: str
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("verify" if step == "publish" else step)
        run_id = await lab.start(probe.instance, "provision")
        if step == "publish":
            before = await held.reached(run_id, "verify", 0)
            await held.hold(step)
            await held.let_go("verify")
            await held.reached(run_id, step, before)
        else:
            await held.reached(run_id, step, 0)
        lab.postgres.restart()
        lab.way.open()
        await lab.let_time_pass(run_id)
        run = await lab.until_state(run_id, "succeeded", "failed")
    assert run.state == "succeeded", run.error
    assert workers.running()


async def test_a_connection_that_is_cut_while_a_step_writes_is_no_failure_of_it(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("verify")
        run_id = await lab.start(probe.instance, "provision")
        before = await held.reached(run_id, "verify", 0)
        await held.hold("publish")
        await held.let_go("verify")
        await held.reached(run_id, "publish", before)
        lab.postgres.cut_waiting()
        await held.let_go("publish")
        await lab.let_time_pass(run_id)
        run = await lab.until_state(run_id, "succeeded", "failed")
    assert run.state == "succeeded", run.error
    assert workers.running()


async def test_a_machine_that_restarts_goes_on_with_its_runs(
    lab: Lab, workers: Workers, probe: Probe, host: str
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        first = await held.reached(run_id, "provision", 1)
        lab.postgres.stop()
        workers.kill_all()
        faults.cut_power(host)
        machines.up({host: "bookworm"})
        lab.postgres.start()
        workers.start(2)
        await lab.let_time_pass(run_id)
        await held.reached(run_id, "provision", first)
    run = await lab.until_state(run_id, "succeeded", "failed")
    assert run.state == "succeeded", run.error
    assert await lab.tries(run_id, "identity") == ["done"]
    assert await lab.tries(run_id, "provision") == ["interrupted", "done"]
    assert probe.attempts() == sorted(probe.attempts())


async def test_a_run_waits_while_keycloak_is_down_gives_up_in_the_end_and_goes_on_when_it_is_told_to(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    lab.way.close()
    run_id = await lab.start(probe.instance, "provision")
    for number in range(1, MOST_TRIES):
        run = await lab.until_state(run_id, "waiting")
        assert (run.error or {})["code"] == "keycloak-unavailable"
        assert await lab.tries(run_id) == ["failed"] * number
        await lab.make_due(run_id)
        await lab.until_tries(run_id, number + 1)
    run = await lab.until_state(run_id, "failed")
    assert ((run.error or {})["code"], (run.error or {})["step"]) == ("keycloak-unavailable", "identity")
    assert (await lab.instance(probe.instance.id)).state == "failed"
    lab.way.open()
    await lab.retry(run_id)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert await lab.tries(run_id, "identity") == ["failed"] * MOST_TRIES + ["done"]
    assert (await lab.instance(probe.instance.id)).state == "running"
    assert workers.running()


async def test_keycloak_that_goes_away_in_the_middle_of_a_step_is_waited_for(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("identity")
        run_id = await lab.start(probe.instance, "provision")
        await held.reached(run_id, "identity", 0)
        lab.way.close()
        run = await lab.until_state(run_id, "waiting", "failed")
        assert (run.state, (run.error or {})["code"]) == ("waiting", "keycloak-unavailable")
    await lab.make_due(run_id)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert workers.running()


@pytest.mark.parametrize(
    ("fault", "mending"), [(faults.cut, faults.mend), (faults.freeze, faults.thaw)], ids=["cut", "frozen"]
)
async def test_a_host_that_goes_away_in_the_middle_of_a_task_is_tried_again(  # noqa: PLR0913, PLR0917 - the fault and where
    lab: Lab,
    workers: Workers,
    probe: Probe,
    host: str,
    fault: Callable[[str], None],
    mending: Callable[[str], None],
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        first = await held.reached(run_id, "provision", 1)
        fault(host)
        run = await lab.until_state(run_id, "waiting", "failed")
        mending(host)
        assert (run.state, (run.error or {})["code"]) == ("waiting", "host-unreachable"), run.error
        await lab.make_due(run_id)
        await held.reached(run_id, "provision", first)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert await lab.tries(run_id, "provision") == ["failed", "done"]
    assert probe.attempts() == sorted(probe.attempts())
    assert workers.running()


async def test_a_host_that_freezes_before_a_step_is_waited_for(
    lab: Lab, workers: Workers, running: Probe, host: str
) -> None:
    faults.freeze(host)
    try:
        run_id = await lab.start(running.instance, "verify")
        run = await lab.until_state(run_id, "waiting", "failed")
    finally:
        faults.thaw(host)
    assert (run.state, (run.error or {})["code"]) == ("waiting", "host-unreachable"), run.error
    await lab.make_due(run_id)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert workers.running()


async def test_a_worker_without_room_says_so_and_goes_on_when_there_is_room_again(
    lab: Lab, workers: Workers, running: Probe, memory: Path
) -> None:
    fill(memory)
    run_id = await lab.start(running.instance, "verify")
    run = await lab.until_state(run_id, "waiting", "failed")
    assert (run.state, (run.error or {})["code"]) == ("waiting", "worker-without-room"), run.error
    make_room(memory)
    await lab.make_due(run_id)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert workers.running()


async def test_a_worker_whose_disk_fills_in_the_middle_of_a_playbook_goes_on_when_there_is_room_again(
    lab: Lab, workers: Workers, running: Probe, memory: Path
) -> None:
    async with holder(lab, running) as held:
        await held.hold("provision")
        run_id = await lab.start(running.instance, "provision")
        await held.reached(run_id, "provision", 0)
        fill(memory)
        await held.let_go("provision")
        run = await lab.until_state(run_id, "waiting", "failed", "succeeded")
        make_room(memory)
    assert (run.state, (run.error or {})["code"]) == ("waiting", "worker-without-room"), run.error
    await lab.make_due(run_id)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert workers.running()


@pytest.mark.parametrize("when", ["before", "in the middle"])
async def test_a_host_without_room_ends_the_run_with_what_it_said_and_another_try_goes_on_from_there(
    lab: Lab, workers: Workers, probe: Probe, host: str, when: str
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("identity" if when == "before" else "provision")
        run_id = await lab.start(probe.instance, "provision")
        await held.reached(run_id, "identity" if when == "before" else "provision", 0)
        fill(disk_of(host))
        await held.let_go("identity" if when == "before" else "provision")
        run = await lab.until_state(run_id, "failed", "succeeded")
        make_room(disk_of(host))
    error = run.error or {}
    assert (run.state, error["step"]) == ("failed", "provision")
    assert error["code"] == ("host-not-usable" if when == "before" else "playbook-failed")
    assert "No space left on device" in error["message"]
    await lab.retry(run_id)
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert await lab.tries(run_id, "identity") == ["done"]
    assert workers.running()


async def test_runs_whose_job_rows_are_all_deleted_are_done_all_the_same(
    lab: Lab, workers: Workers, running: Probe
) -> None:
    async with holder(lab, running) as held:
        await held.hold("verify")
        doing = await lab.start(running.instance, "verify")
        await held.reached(doing, "verify", 0)
        for one in workers.running():
            one.freeze()
        waiting = await lab.sign_on("forgotten-college")
        workers.kill_all()
        async with lab.database.begin(OPERATOR) as session:
            await session.execute(sa.text("DELETE FROM procrastinate_jobs"))
            await session.execute(sa.update(Run).where(Run.id == doing).values(lease_until=sa.func.clock_timestamp()))
        workers.start(2)
        await lab.until_state(waiting, "succeeded")
        await held.reached(doing, "verify", 1)
    assert (await lab.until_state(doing, "succeeded", "failed")).state == "succeeded"
