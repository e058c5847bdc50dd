"""Plain `ansible-playbook` from an operator's shell: runs like any other, on the real host."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.runs.operator_shell import OperatorShell, workers_care
from tests.runs.scene import Scene
from tests.support.environment import variables
from tests.support.issuer import Issuer
from tests.support.running import served

from catalog.app import create_app
from catalog.settings import ServerSettings


@pytest.fixture
async def shell(scene: Scene, server_settings: ServerSettings, issuer: Issuer, tmp_path: Path) -> AsyncIterator[OperatorShell]:
    operator = await scene.world.person("Olga Operator", "operator")
    key_file = Path(variables("owner.env")["CATALOG_SSH_KEY_FILE"])
    async with served(create_app(server_settings)) as url, workers_care(scene):
        made = OperatorShell(scene, url, issuer.token(operator), key_file, tmp_path)
        await made.desire(text="", doing="write")
        yield made


async def test_a_verify_is_a_run_with_steps_events_and_an_attempt(shell: OperatorShell) -> None:
    done = await shell.play("verify")
    assert done.status == 0, done.said
    run = await shell.last_run()
    assert (run.action, run.state, run.attempt) == ("verify", "succeeded", 1), done.said
    (one,) = await shell.scene.tries(run.id)
    assert (one.outcome, one.worker.partition(":")[0]) == ("done", "shell")
    kinds = [event.kind for event in await shell.scene.events(run.id)]
    assert kinds == ["run.started", "step.started", "task.started", "task.ok", "step.done", "run.ended"]
