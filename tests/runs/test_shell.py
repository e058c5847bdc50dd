"""Plain `ansible-playbook` from an operator's shell: runs like any other, on the real host."""

import asyncio
import signal
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from tests.runs.operator_shell import INVENTORY, OperatorShell, ended, kill
from tests.runs.scene import eventually
from tests.runs.test_playbooks import HOSTILE
from tests.support.issuer import Issuer
from tests.support.running import served

from catalog.app import create_app
from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.runs.context import Step, StepContext
from catalog.runs.control import cancel, retry
from catalog.runs.engine import Engine
from catalog.runs.errors import SubjectBusy
from catalog.runs.steps.table import steps_of
from catalog.runs.tables import Run, RunStep
from catalog.settings import ServerSettings
from catalog.sites.tables import Host

LEFT_OUT, INTERRUPTED = 4, 99
NOBODY_THERE = "https://127.0.0.1:9"


async def on_host(shell: OperatorShell, condition: str) -> bool:
    """Ask in a thread: the server of the test answers meanwhile."""
    return await asyncio.to_thread(shell.scene.on_host, f"{condition} && echo yes || true") == "yes"


async def waiting_play(shell: OperatorShell, attempt: int = 1) -> asyncio.subprocess.Process:
    """Start a playbook that waits on the host until it is let go on."""
    await shell.desire(doing="wait")
    process = await shell.start_play("act")
    begun = f"test -e {shell.scene.home}/begun-{attempt}"

    async def has_begun() -> bool:
        if process.returncode is not None:
            raise ChildProcessError((await ended(process)).said)
        return await on_host(shell, begun)

    await eventually(has_begun, "the playbook has begun on the host")
    return process


async def state_of(shell: OperatorShell) -> str | None:
    runs = await shell.runs()
    return runs[-1].state if runs else None


async def test_the_inventory_shows_every_instance_in_its_groups_and_no_secret(shell: OperatorShell) -> None:
    graph = await shell.run("ansible-inventory", "-i", INVENTORY, "--graph")
    assert graph.status == 0
    for group in (
        "instance_host",
        "tool_probe",
        "member_probe_college",
        "site_vancouver",
        "plan_small",
        "revision_probe_1",
    ):
        assert f"@{group}:\n  |  |--probe.coop-tools.test" in graph.said
    listed = await shell.run("ansible-inventory", "-i", INVENTORY, "--list")
    for name in ("secrets", "client_secret"):
        assert f'"{name}"' not in listed.said
    for variable in ("instance", "parameters", "sso", "tls", "ports", "paths", "ansible_host", "ansible_port"):
        assert f'"{variable}"' in listed.said


async def test_a_verify_is_a_run_with_steps_events_and_an_attempt(shell: OperatorShell) -> None:
    done = await shell.play("verify", "--limit", "member_probe_college")
    assert done.status == 0, done.said
    run = await shell.last_run()
    assert (run.action, run.state, run.attempt) == ("verify", "succeeded", 1), done.said
    (one,) = await shell.scene.tries(run.id)
    assert (one.outcome, one.worker.partition(":")[0]) == ("done", "shell")
    kinds = [event.kind for event in await shell.scene.events(run.id)]
    assert kinds[:4] == ["run.started", "step.started", "task.started", "task.ok"]
    assert kinds[-2:] == ["step.done", "run.ended"]


async def test_a_playbook_gives_its_result_and_what_it_changed(shell: OperatorShell) -> None:
    done = await shell.play("act")
    assert done.status == 0, done.said
    result = ((await shell.last_run()).result or {})["own-action"]
    assert (result["version"], result["changed"], result["done_by"]) == ("1.0.0", 2, "shell")


@pytest.mark.parametrize("typed", HOSTILE)
async def test_what_a_person_typed_arrives_as_typed_and_runs_nowhere(shell: OperatorShell, typed: str) -> None:
    await shell.desire(text=typed, doing="write")
    done = await shell.play("act")
    assert done.status == 0, done.said
    for file in ("text", "shell"):
        assert shell.scene.on_host(f"cat {shell.scene.home}/{file}; echo .") == f"{typed}."


async def test_a_task_that_fails_is_told_with_what_it_said(shell: OperatorShell) -> None:
    await shell.desire(doing="fail")
    done = await shell.play("act")
    assert done.status == 2, done.said
    run = await shell.last_run()
    error = run.error or {}
    assert (run.state, error["code"], error["task"]) == ("failed", "playbook-failed", "Fail half-way")
    assert "the disk is full" in error["message"]


async def test_a_host_that_does_not_answer_ends_the_run_and_says_so(shell: OperatorShell) -> None:
    async with shell.scene.world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Host).values(ssh_port=9))
    done = await shell.play("verify")
    assert done.status == LEFT_OUT
    assert "probe.coop-tools.test is left out." in done.said
    run = await shell.last_run()
    assert (run.state, (run.error or {})["code"]) == ("failed", "host-unreachable")


async def test_a_run_of_another_is_told_with_who_has_it_and_since_when(shell: OperatorShell) -> None:
    run_id = await shell.scene.start("wait")
    working = asyncio.create_task(shell.scene.engine().work(run_id))
    await eventually(lambda: on_host(shell, f"test -e {shell.scene.home}/begun-1"), "the worker has begun")
    done = await shell.play("verify")
    shell.scene.on_host(f"touch {shell.scene.home}/go-on")
    await working
    assert done.status == LEFT_OUT
    began = (await shell.scene.run(run_id)).started_at
    assert f"command has provision under way since {began:%Y-%m-%d %H:%M:%S} UTC (run {run_id}" in done.said
    assert "TASK" not in done.said
    assert [run.id for run in await shell.runs()] == [run_id]


async def test_nobody_else_acts_on_the_instance_while_the_shell_does(shell: OperatorShell) -> None:
    process = await waiting_play(shell)
    run = await shell.last_run()
    with pytest.raises(SubjectBusy):
        await shell.scene.start("write")
    other = await shell.play("verify")
    assert "Olga Operator has act under way" in other.said
    assert f"shell:{run.worker.partition(':')[2]}" in other.said if run.worker else False
    for queues in ((), ("shell",), ("site:vancouver", "shell")):
        await shell.scene.engine("worker-1", queues=queues).work(run.id)
    assert (await shell.last_run()).attempt == run.attempt
    shell.scene.on_host(f"touch {shell.scene.home}/go-on")
    assert (await ended(process)).status == 0
    assert await state_of(shell) == "succeeded"


async def test_a_shell_that_was_frozen_finds_its_run_ended_and_the_host_closed(shell: OperatorShell) -> None:
    process = await waiting_play(shell)
    run = await shell.last_run()
    kill(process, signal.SIGSTOP)
    await shell.scene.expire_lease(run.id)
    await shell.scene.engine("worker-2").work(run.id)
    await eventually(lambda: _is(shell, "failed"), "the run has ended")
    kill(process, signal.SIGCONT)
    shell.scene.on_host(f"touch {shell.scene.home}/go-on")
    thawed = await ended(process)
    assert thawed.status != 0
    assert "The run is no longer yours." in thawed.said
    assert not await on_host(shell, f"test -e {shell.scene.home}/done-1")
    assert "worker-2" not in {one.worker for one in await shell.scene.tries(run.id)}


async def test_a_shell_that_is_killed_ends_its_run_after_the_lease_and_is_fenced_off(shell: OperatorShell) -> None:
    process = await waiting_play(shell)
    run = await shell.last_run()
    kill(process)
    await eventually(lambda: _is(shell, "failed"), "the lease has run out")
    shell.scene.on_host(f"touch {shell.scene.home}/go-on")
    failed = await shell.last_run()
    assert (failed.error or {})["code"] == "shell-gone"
    assert [one.outcome for one in await shell.scene.tries(run.id)] == ["interrupted", "failed"]
    assert await on_host(shell, f"! grep -lsz '^COOP_ATTEMPT={shell.scene.instance.id} 1$' /proc/[0-9]*/environ")
    closed = f"/var/lib/coop-catalog/attempts/{shell.scene.instance.id}.shell-1 -c 'echo through'"
    assert "through" not in shell.scene.on_host(f"{closed} || true")
    assert not await on_host(shell, f"test -e {shell.scene.home}/done-1")
    again = await shell.play("verify")
    assert again.status == 0, again.said


async def test_ctrl_c_cancels_the_run_and_ends_what_it_ran_on_the_host(shell: OperatorShell) -> None:
    process = await waiting_play(shell)
    kill(process, signal.SIGINT)
    assert (await ended(process)).status == INTERRUPTED
    assert await state_of(shell) == "cancelled"
    assert await on_host(shell, f"! grep -lsz '^COOP_ATTEMPT={shell.scene.instance.id} ' /proc/[0-9]*/environ")


async def test_a_retry_without_a_shell_says_how_to_do_it_again(shell: OperatorShell) -> None:
    await shell.desire(doing="fail")
    await shell.play("act")
    run = await shell.last_run()
    async with shell.scene.world.database.begin(OPERATOR) as session:
        await retry(session, run.id, verbosity=0, actor="command")
    await eventually(lambda: _is(shell, "failed"), "the run has ended again")
    assert ((await shell.last_run()).error or {})["code"] == "no-shell"


async def test_a_server_that_goes_away_while_a_shell_acts_ends_what_it_does(
    shell: OperatorShell, server_settings: ServerSettings
) -> None:
    async with served(create_app(server_settings)) as url:
        process = await waiting_play(replace(shell, url=url))
    done = await ended(process)
    assert done.status != 0
    assert "probe.coop-tools.test is stopped." in done.said
    shell.scene.on_host(f"touch {shell.scene.home}/go-on")
    await eventually(lambda: _is(shell, "failed"), "the lease has run out")
    assert not await on_host(shell, f"test -e {shell.scene.home}/done-1")


@pytest.mark.parametrize("stop", ["now", "at-next-task"])
async def test_a_run_that_somebody_cancels_stops_in_the_shell_too(shell: OperatorShell, stop: str) -> None:
    process = await waiting_play(shell)
    run = await shell.last_run()
    async with shell.scene.world.database.begin(OPERATOR) as session:
        await cancel(session, run.id, stop="now" if stop == "now" else "at-next-task", actor="command")
    if stop == "at-next-task":
        await eventually(lambda: _heard(shell), "the shell has heard of it")
        shell.scene.on_host(f"touch {shell.scene.home}/go-on")
    done = await ended(process)
    assert await state_of(shell) == "cancelled", done.said
    assert await on_host(shell, f"test -e {shell.scene.home}/done-1") is (stop == "at-next-task")


async def test_a_check_says_that_it_is_one_and_changes_no_state(shell: OperatorShell) -> None:
    await shell.desire(text="new", doing="write")
    done = await shell.play("deprovision", "--check")
    assert done.status == 0, done.said
    run = await shell.last_run()
    assert (run.action, run.state, run.input["check"]) == ("deprovision", "succeeded", True)
    async with shell.scene.world.database.begin(OPERATOR) as session:
        instance = await session.get_one(Instance, shell.scene.instance.id)
        assert (instance.state, instance.applied_revision_id, instance.attention) == ("running", None, None)
        assert len((await session.scalars(sa.select(RunStep).where(RunStep.run_id == run.id))).all()) == 1


async def test_workers_go_on_with_the_steps_that_are_not_the_shells(shell: OperatorShell) -> None:
    done = await shell.play("deprovision")
    assert done.status == 0, done.said
    run = await shell.last_run()
    assert run.state == "queued"
    async with shell.scene.world.database.begin(OPERATOR) as session:
        steps = await session.scalars(sa.select(RunStep).where(RunStep.run_id == run.id).order_by(RunStep.position))
        assert [(step.name, step.queue, step.state) for step in steps] == [
            ("deprovision", "shell", "done"),
            ("remove-identity", "core", "pending"),
            ("release", "core", "pending"),
        ]


async def test_the_shell_waits_for_the_steps_before_its_own(shell: OperatorShell) -> None:
    async def known(_context: StepContext) -> dict[str, Any]:
        return {}

    scene = shell.scene
    steps = {**steps_of(scene.parts), "identity": Step(known)}
    engine = Engine(scene.worker_database, steps, worker="worker-1")
    process = await shell.start_play("provision")
    await eventually(lambda: _is(shell, "queued"), "the run has begun")
    run = await shell.last_run()
    await engine.work(run.id)
    done = await ended(process)
    assert done.status == 0, done.said
    assert "waits. Another step comes first. The step identity is done by a worker first." in done.said
    for _ in ("verify", "publish"):
        await engine.work(run.id)
    assert [(one.worker.partition(":")[0], one.outcome) for one in await scene.tries(run.id)] == [
        ("worker-1", "done"),
        ("shell", "done"),
        ("worker-1", "done"),
        ("worker-1", "done"),
    ]
    assert await state_of(shell) == "succeeded"


async def test_ctrl_c_while_it_waits_gives_the_instance_free(shell: OperatorShell) -> None:
    process = await shell.start_play("provision")
    await eventually(lambda: _is(shell, "queued"), "the run has begun")
    kill(process, signal.SIGINT)
    assert (await ended(process)).status == INTERRUPTED
    assert await state_of(shell) == "cancelled"


async def test_another_members_instance_is_left_untouched(shell: OperatorShell) -> None:
    other = await shell.scene.world.member("other-college")
    await shell.second_instance("other.coop-tools.test", other)
    done = await shell.play("verify", "--limit", "member_probe_college")
    assert done.status == 0, done.said
    assert [run.subject_id for run in await shell.runs()] == [shell.scene.instance.id]


async def test_an_api_that_is_away_refuses_with_one_clear_line(shell: OperatorShell) -> None:
    done = await shell.play("verify", CATALOG_URL=NOBODY_THERE)
    assert done.status == 1
    (line,) = done.said.strip().splitlines()
    assert line.startswith("The catalog does not answer (")
    assert "CATALOG_OFFLINE=1" in line


async def test_somebody_who_is_no_operator_gets_no_inventory(shell: OperatorShell, issuer: Issuer) -> None:
    nobody = await shell.scene.world.person("Nils Nobody")
    done = await shell.play("verify", CATALOG_TOKEN=issuer.token(nobody))
    assert done.status == 1
    assert "This needs the role operator." in done.said


async def test_offline_it_runs_from_the_copy_and_is_reported_afterwards(shell: OperatorShell) -> None:
    assert (await shell.run("ansible-inventory", "-i", INVENTORY, "--graph")).status == 0
    (copy,) = (shell.home / ".cache" / "coop-catalog").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    offline = {"CATALOG_OFFLINE": "1", "CATALOG_TOKEN": ""}
    done = await shell.play("verify", **offline)
    assert done.status == 0, done.said
    assert await shell.runs() == []
    (spool,) = (shell.home / ".local" / "state" / "coop-catalog" / "offline-runs").iterdir()
    assert spool.stat().st_mode & 0o777 == 0o600
    reported = await shell.run("ansible-playbook", "-i", INVENTORY, "playbooks/inventory/report.yml")
    assert "Reported what was done offline: succeeded" in reported.said
    assert not spool.exists()
    run = await shell.last_run()
    assert (run.action, run.state, run.attempt >= 1000, run.input["offline"]) == ("verify", "succeeded", True, True)
    assert "task.ok" in [event.kind for event in await shell.scene.events(run.id)]
    after = await shell.play("verify")
    assert after.status == 0, after.said
    assert (await shell.last_run()).attempt == run.attempt + 1


async def test_offline_what_needs_secrets_or_more_steps_is_refused_before_it_begins(shell: OperatorShell) -> None:
    assert (await shell.run("ansible-inventory", "-i", INVENTORY, "--graph")).status == 0
    for playbook, why in (("act", "needs the instance's secrets"), ("deprovision", "one step of several")):
        done = await shell.play(playbook, CATALOG_OFFLINE="1")
        assert done.status == LEFT_OUT
        assert why in done.said
        assert "TASK" not in done.said


async def test_without_a_run_the_host_lets_nothing_through(shell: OperatorShell) -> None:
    done = await shell.run("ansible", "-i", INVENTORY, "all", "-m", "ansible.builtin.command", "-a", "id")
    assert done.status != 0
    assert "uid=0" not in done.said


async def test_a_busy_instance_is_left_out_and_the_others_go_on(shell: OperatorShell) -> None:
    other = await shell.second_instance("other.coop-tools.test")
    run_id = await shell.scene.start("write")
    done = await shell.play("verify", "--limit", "tool_probe")
    assert done.status == LEFT_OUT, done.said
    assert "probe.coop-tools.test is left out. Another run is under way." in done.said
    runs = await shell.runs()
    assert [(run.subject_id, run.state) for run in runs if run.id != run_id] == [(other.id, "succeeded")]


async def test_an_instance_of_another_tool_is_left_alone(shell: OperatorShell) -> None:
    path = "playbooks/tools/dokuwiki/verify.yml"
    done = await shell.run("ansible-playbook", "-i", INVENTORY, path, "--limit", "member_probe_college")
    assert done.status == LEFT_OUT
    assert "No run has begun." in done.said
    assert await shell.runs() == []


async def test_a_hold_is_told_with_its_reason(shell: OperatorShell) -> None:
    await shell.hold("Exams until Friday.")
    done = await shell.play("verify")
    assert done.status == LEFT_OUT
    assert "Exams until Friday." in done.said
    assert await shell.runs() == []


async def test_the_line_that_the_api_shows_does_it_again(shell: OperatorShell) -> None:
    assert (await shell.play("verify")).status == 0
    command = await shell.command_of(await shell.last_run())
    assert command == (
        "ansible-playbook -i playbooks/inventory/catalog.yml playbooks/tools/probe/verify.yml"
        " --limit probe.coop-tools.test"
    )


async def _is(shell: OperatorShell, state: str) -> bool:
    return await state_of(shell) == state


async def _heard(shell: OperatorShell) -> bool:
    """Whether the shell has called since the run was asked to stop."""
    run = await shell.last_run()
    async with shell.scene.worker_database.begin(OPERATOR) as session:
        kept = await session.scalar(sa.select(Run.lease_until).where(Run.id == run.id))
        asked = await session.scalar(
            sa.text("SELECT max(recorded_at) + interval '21 seconds' FROM run_events WHERE kind = 'run.stopping'")
        )
    return kept is not None and asked is not None and kept > asked
