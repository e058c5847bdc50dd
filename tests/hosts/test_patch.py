"""Updates come to a real machine, the host restarts once a run whatever becomes of its worker, and all is verified."""

import asyncio
import os
import sys

import pytest
from devkit.state import ansible_user
from tests.hosts.archive import set_up
from tests.hosts.machine_scene import MachineScene
from tests.support.cluster import TestDatabase
from tests.support.environment import ROOT, variables

from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR

RESTART = "Have the host restarted if it is still in the boot that was patched"
PATCH_SECONDS = 600


@pytest.fixture
async def ready(scene: MachineScene) -> MachineScene:
    """The machine, prepared, with an archive of its own in which four updates are pending."""
    if scene.on_host("command -v needrestart || echo none") == "none":
        run = await scene.work(await scene.start_prepare())
        assert run.state == "succeeded", run.error
    else:
        await scene.prepared_before()
    scene.on_host(set_up())
    return scene


def boots(scene: MachineScene) -> int:
    return int(scene.on_host("journalctl --list-boots --no-pager | grep -c ."))


async def test_security_updates_come_with_their_versions_and_services_run_on_what_is_new(ready: MachineScene) -> None:
    run = await ready.work(await ready.start_patch(restart="never"))
    assert run.state == "succeeded", run.error
    patched, restart = (run.result or {})["patch"], (run.result or {})["restart"]
    assert patched["updates"] == [{"package": "coop-test", "from": "1.0", "to": "1.1"}]
    assert patched["held"] == ["coop-test-held"]
    assert patched["left"] == []
    assert "coop-test.service" in patched["services_restarted"]
    assert (patched["restart_reasons"], restart) == (["package"], {"restarted": False, "restart_pending": True})
    assert ready.on_host("readlink /proc/$(systemctl show -P MainPID coop-test)/exe") == "/usr/lib/coop-test/nap"

    again = await ready.work(await ready.start_patch(updates="stable", restart="never"))
    assert (again.result or {})["patch"]["updates"] == [{"package": "coop-test-point", "from": "1.0", "to": "1.1"}]
    assert ready.on_host("dpkg-query -W -f '${Version}' coop-test-foreign") == "1.0", "no other archive is touched"


async def test_everything_that_runs_on_the_host_is_verified_afterwards(ready: MachineScene) -> None:
    patch_id = await ready.start_patch(restart="never")
    assert (await ready.work(patch_id)).state == "succeeded"
    (verify,) = await ready.followers(patch_id)
    assert (verify.action, verify.subject_id, verify.state) == ("verify", ready.instance.id, "queued")
    assert [run.id for run in await ready.followers(patch_id)] == [verify.id], "hearing of it twice changes nothing"
    ended = await ready.work(verify.id)
    assert ended.state == "succeeded", ended.error
    async with ready.worker_database.begin(OPERATOR) as session:
        instance = await session.get_one(Instance, ready.instance.id)
    assert instance.found_version == "1.0.1"


async def test_a_worker_that_is_killed_while_the_host_restarts_leaves_one_restart(
    ready: MachineScene, test_database: TestDatabase
) -> None:
    before = boots(ready)
    run_id = await ready.start_patch()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.hosts.worker_process", str(run_id)),
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "TEST_DATABASE_URL": test_database.worker.url,
            "TEST_ANSIBLE_USER": ansible_user() or "",
            "TEST_SSH_KEY_FILE": variables("owner.env")["CATALOG_SSH_KEY_FILE"],
        },
    )

    async with asyncio.timeout(PATCH_SECONDS):
        while RESTART not in await ready.changed_tasks(run_id):  # noqa: ASYNC110 - a worker elsewhere sets no event
            await asyncio.sleep(0.2)
    process.kill()
    await process.wait()
    await ready.expire_lease(run_id)
    await ready.engine("worker-2").work(run_id)
    run = await ready.run(run_id)
    assert run.state == "succeeded", run.error
    assert (run.result or {})["restart"]["restarted"] is True
    assert [one.outcome for one in await ready.tries(run_id)] == ["done", "interrupted", "done"]
    assert boots(ready) == before + 1
    assert ready.on_host("nft list table inet coop_catalog | grep -c 'policy drop'") == "1", "the firewall came with it"
