"""Playbooks on a real host: what reaches it, what comes back, and what they can't get at."""

import asyncio
import json
from pathlib import Path

import pytest
from devkit.hosts import faults
from devkit.state import ansible_user, state_folder
from tests.runs.scene import Scene, eventually

from catalog.instances.tables import InstanceSecret
from catalog.platform.db.scope import OPERATOR
from catalog.platform.secrets import Sealed
from catalog.runs.ansible.workspace import MEMORY, PREFIX
from catalog.runs.redaction import forms_of

HOSTILE = [
    "yes",
    "2026-11-24",
    "",
    "{{ lookup('pipe', 'id') }}",
    "{% raw %}{{ 1 + 1 }}",
    "two\nlines",
    "'\"`$(id)` $HOME \\n",
    "#!unsafe !vault {} [] : - & * |",
    "é ü 你 🎓",
]


async def test_a_playbook_that_succeeds_ends_its_run_with_what_it_gave_back(scene: Scene) -> None:
    run_id = await scene.start("write", text="hello")
    await scene.engine().work(run_id)
    run = await scene.run(run_id)
    assert run.state == "succeeded", (run.error or {})["message"]
    result = (run.result or {})["provision"]
    assert (result["version"], result["changed_by_hand"]) == ("1.0.0", [])
    assert result["changed"] == 2


async def test_the_same_again_changes_nothing(scene: Scene) -> None:
    for _ in range(2):
        run_id = await scene.start("write", text="hello")
        await scene.engine().work(run_id)
    run = await scene.run(run_id)
    assert (run.result or {})["provision"]["changed"] == 0


@pytest.mark.parametrize("typed", HOSTILE)
async def test_what_a_person_typed_arrives_as_typed_and_runs_nowhere(scene: Scene, typed: str) -> None:
    run_id = await scene.start("write", text=typed)
    await scene.engine().work(run_id)
    assert (await scene.run(run_id)).state == "succeeded"
    for file in ("text", "shell"):
        assert scene.on_host(f"cat {scene.home}/{file}; echo .") == f"{typed}."


async def test_a_playbook_that_fails_says_which_task_and_what_it_said(scene: Scene) -> None:
    run_id = await scene.start("fail")
    await scene.engine().work(run_id)
    run = await scene.run(run_id)
    assert run.state == "failed"
    error = run.error or {}
    assert (error["code"], error["task"]) == ("playbook-failed", "Fail half-way")
    assert "the disk is full" in error["message"]
    assert error["title"]["fr"] == "Une tâche du playbook a échoué"
    (one,) = await scene.tries(run_id)
    assert one.outcome == "failed"


async def test_a_playbook_finds_nothing_of_the_worker(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKED_VARIABLE", "marked-in-the-environment")
    run_id = await scene.start("spy")
    await scene.engine().work(run_id)
    assert (await scene.run(run_id)).state == "succeeded", (await scene.run(run_id)).error
    seen = scene.on_host(f"cat {scene.home}/seen")
    assert "SSH_AUTH_SOCK" in seen, "it did look at its own environment"
    assert "marked-in-the-environment" not in seen
    assert "PRIVATE KEY" not in seen
    for secret in (state_folder() / "secrets").rglob("*"):
        if secret.is_file() and secret.suffix != ".pub":
            assert secret.read_text(encoding="utf-8").strip() not in seen, secret.name


async def test_a_secret_that_a_playbook_tells_is_in_no_event_and_on_no_disk(scene: Scene) -> None:
    run_id = await scene.start("tell-secrets")
    await scene.engine().work(run_id)
    assert (await scene.run(run_id)).state == "failed"
    async with scene.worker_database.begin(OPERATOR) as session:
        row = await session.get_one(InstanceSecret, (scene.instance.id, "marked", 1))
        secret = scene.parts.vault.open(
            Sealed(row.key_id, row.nonce, row.ciphertext), row.member_id, row.instance_id, row.name
        )
    told = json.dumps([event.data for event in await scene.events(run_id)], ensure_ascii=False)
    told += json.dumps((await scene.run(run_id)).error, ensure_ascii=False)
    assert "[redacted]" in told
    for form in forms_of(secret):
        assert form not in told
    assert folders_in_memory() == []


async def test_a_time_limit_ends_what_runs_here_and_leaves_nothing(scene: Scene) -> None:
    run_id = await scene.start("wait", seconds=8)
    await scene.engine().work(run_id)
    run = await scene.run(run_id)
    assert (run.state, (run.error or {})["code"]) == ("failed", "step-timed-out")
    assert folders_in_memory() == []


async def test_a_takeover_ends_the_older_attempt_on_the_host_and_refuses_its_commands(scene: Scene) -> None:
    run_id = await scene.start("wait")
    first = asyncio.create_task(scene.engine("worker-1").work(run_id))
    await eventually(lambda: _on_host(scene, f"test -e {scene.home}/begun-1"), "the first attempt has begun")
    await scene.expire_lease(run_id)
    second = asyncio.create_task(scene.engine("worker-2").work(run_id))
    await eventually(lambda: _on_host(scene, f"test -e {scene.home}/begun-2"), "the second attempt has begun")
    scene.on_host(f"touch {scene.home}/go-on")
    await asyncio.gather(first, second)
    assert (await scene.run(run_id)).state == "succeeded"
    assert scene.on_host(f"ls {scene.home}/") == "begun-1\nbegun-2\ndone-2\ngo-on"
    assert [one.outcome for one in await scene.tries(run_id)] == ["interrupted", "done"]


async def test_a_host_that_is_cut_off_is_tried_again_later(scene: Scene) -> None:
    faults.cut(scene.host)
    try:
        run_id = await scene.start("write")
        await scene.engine().work(run_id)
    finally:
        faults.mend(scene.host)
    run = await scene.run(run_id)
    assert (run.state, (run.error or {})["code"]) == ("waiting", "host-unreachable")


def folders_in_memory() -> list[Path]:
    """List what playbook runs of this checkout left; another one's workers have theirs there too."""
    return [folder for folder in MEMORY.glob(f"{PREFIX}*") if folder.owner() == ansible_user()]


async def _on_host(scene: Scene, command: str) -> bool:
    return scene.on_host(f"{command} && echo yes || true") == "yes"
