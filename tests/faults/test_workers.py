"""Workers that go away in the middle: the run goes on, nothing acts beside it, and nothing that is done is repeated."""

from pathlib import Path
from uuid import UUID

import pytest
from devkit.hosts import faults
from tests.faults.holding import Holder, holder
from tests.faults.lab import Lab, Probe, eventually
from tests.faults.workers import Workers, commands_of, descendants

from catalog.runs.ansible import fence
from catalog.runs.ansible.workspace import PREFIX

LIVES = {
    "provision": ["identity", "provision", "verify", "publish"],
    "suspend": ["close-sign-on", "suspend"],
    "deprovision": ["deprovision", "remove-identity", "release"],
}


async def die_in_each(lab: Lab, workers: Workers, held: Holder, run_id: UUID, steps: list[str]) -> None:
    """Have the worker killed in the middle of each step, and the next one do it."""
    attempt = 0
    for place, step in enumerate(steps):
        attempt = await held.reached(run_id, step, attempt)
        (await lab.worker_of(run_id, workers)).kill()
        if step in {"organization", "identity", "close-sign-on", "remove-identity"}:
            await held.hold(step)
        await lab.let_time_pass(run_id)
        workers.start()
        attempt = await held.reached(run_id, step, attempt)
        for following in steps[place + 1 : place + 2]:
            await held.hold(following)
        await held.let_go(step)


@pytest.mark.parametrize("before_it", LIVES, indirect=True)
async def test_a_worker_killed_in_any_step_is_followed_by_another_that_repeats_that_step_alone(
    lab: Lab, workers: Workers, before_it: tuple[str, Probe]
) -> None:
    action, probe = before_it
    steps = LIVES[action]
    async with holder(lab, probe) as held:
        await held.hold(steps[0])
        run_id = await lab.start(probe.instance, action)
        await die_in_each(lab, workers, held, run_id, steps)
        run = await lab.until_state(run_id, "succeeded", "failed")
    assert run.state == "succeeded", run.error
    for step in steps:
        assert await lab.tries(run_id, step) == ["interrupted", "done"], step
    attempts = probe.attempts()
    assert attempts == sorted(attempts), "attempts never overlap on the host"
    numbers = [event.sequence for event in await lab.events(run_id)]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_worker_killed_while_it_makes_an_organization_is_followed_by_another(
    lab: Lab, workers: Workers
) -> None:
    async with holder(lab) as held:
        await held.hold("organization")
        run_id = await lab.sign_on("killed-college")
        await die_in_each(lab, workers, held, run_id, ["organization"])
        run = await lab.until_state(run_id, "succeeded", "failed")
    assert run.state == "succeeded", run.error
    found = await lab.realm.admin.get("/organizations", search="killed-college")
    assert [one["alias"] for one in found] == ["killed-college"]


async def test_a_frozen_worker_that_wakes_beside_its_successor_is_refused_and_works_on_after_that(
    lab: Lab, workers: Workers, probe: Probe
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        first = await held.reached(run_id, "provision", 1)
        frozen = await lab.worker_of(run_id, workers)
        frozen.freeze()
        await lab.let_time_pass(run_id)
        second = await held.reached(run_id, "provision", first)
        assert (await lab.run(run_id)).worker != frozen.name
        frozen.thaw()
        await eventually(lambda: descendants(frozen.process.pid) == [], "the thawed one has ended its playbook")
        refused = probe.on_host(f"{fence.PATH} {probe.instance.id} {first} -c 'echo acted'; echo $?")
        assert refused == str(fence.REFUSED)
    run = await lab.until_state(run_id, "succeeded", "failed")
    assert run.state == "succeeded", run.error
    assert await lab.tries(run_id, "provision") == ["interrupted", "done"]
    attempts = probe.attempts()
    assert attempts == [first, second, second + 1], "attempts never overlap on the host"
    assert frozen.runs
    for other in set(workers.running()) - {frozen}:
        other.kill()
    assert (await lab.until_state(await lab.start(probe.instance, "verify"), "succeeded")).worker == frozen.name


async def test_a_worker_frozen_between_its_check_and_its_effect_has_no_effect_when_it_wakes(
    lab: Lab, workers: Workers, probe: Probe, host: str
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        faults.cut(host)
        run_id = await lab.start(probe.instance, "provision")
        await lab.until_step(run_id, "provision")
        frozen = await lab.worker_of(run_id, workers)
        await eventually(lambda: knocking(frozen.process.pid), "it has checked, and knocks at the host")
        frozen.freeze()
        first = (await lab.run(run_id)).attempt
        faults.mend(host)
        await lab.let_time_pass(run_id)
        second = await held.reached(run_id, "provision", first)
        frozen.thaw()
        await eventually(lambda: descendants(frozen.process.pid) == [], "the thawed one has given up")
    run = await lab.until_state(run_id, "succeeded", "failed")
    assert run.state == "succeeded", run.error
    assert first not in probe.attempts()
    assert probe.attempts()[0] == second


async def test_what_a_killed_worker_leaves_is_ended_before_the_next_attempt_begins(
    lab: Lab, workers: Workers, probe: Probe, memory: Path
) -> None:
    async with holder(lab, probe) as held:
        await held.hold("provision")
        run_id = await lab.start(probe.instance, "provision")
        first = await held.reached(run_id, "provision", 1)
        killed = await lab.worker_of(run_id, workers)
        below = descendants(killed.process.pid)
        assert any("ansible-playbook" in command for command in commands_of(below))
        killed.kill()
        await eventually(lambda: commands_of(below) == [], "nothing of it runs here any more")
        assert f"provision {first}" in probe.processes(), "the host knows nothing of that yet"
        await lab.let_time_pass(run_id)
        await held.reached(run_id, "provision", first)
        assert f"provision {first}" not in probe.processes()
    await lab.until_state(run_id, "succeeded")
    assert probe.attempts() == sorted(probe.attempts())
    workers.start()
    await eventually(lambda: not list(memory.glob(f"{PREFIX}*")), "its files in memory are gone")


async def test_a_worker_that_is_asked_to_end_takes_nothing_more_and_ends_what_it_does(
    lab: Lab, workers: Workers, running: Probe
) -> None:
    async with holder(lab, running) as held:
        await held.hold("verify")
        run_id = await lab.start(running.instance, "verify")
        await held.reached(run_id, "verify", 0)
        asked = await lab.worker_of(run_id, workers)
        asked.ask_to_end()
        running.let_go()
        await eventually(lambda: not asked.runs, "it has ended")
    assert asked.process.returncode == 0
    assert (await lab.run(run_id)).state == "succeeded"
    assert await lab.tries(run_id) == ["done", "done", "done"]


async def test_a_worker_that_must_end_gives_back_what_takes_longer(lab: Lab, workers: Workers, running: Probe) -> None:
    async with holder(lab, running) as held:
        await held.hold("verify")
        run_id = await lab.start(running.instance, "verify")
        first = await held.reached(run_id, "verify", 0)
        asked = await lab.worker_of(run_id, workers)
        asked.ask_to_end()
        await held.reached(run_id, "verify", first)
        await eventually(lambda: not asked.runs, "it has ended")
        assert asked.process.returncode == 0
    assert (await lab.until_state(run_id, "succeeded", "failed")).state == "succeeded"
    assert await lab.tries(run_id) == ["done", "done", "interrupted", "done"]
    assert running.attempts() == sorted(running.attempts())


def knocking(pid: int) -> bool:
    """Tell whether a worker's playbook waits for its host's answer."""
    return any(command.startswith("/usr/bin/ssh ") for command in commands_of(descendants(pid)))
