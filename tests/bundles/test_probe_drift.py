"""Plans and drift of a small bundle: what is said of a changed file, what can't be foretold, and what stays."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.bundles.catalogued import Catalogued, Wanted, catalogued
from tests.identity.realm_under_test import Organization, RealmUnderTest
from tests.support.cluster import Cluster

from catalog.instances.tables import Instance
from catalog.platform.db.scope import OPERATOR
from catalog.runs import control
from catalog.runs.errors import SubjectBusy
from catalog.runs.plans.desired import Desired
from catalog.runs.plans.service import start_plan
from catalog.runs.redaction import forms_of
from catalog.runs.service import start_instance_run
from catalog.runs.tables import Run
from catalog.tools.tables import ToolRevision

PLAYBOOKS = Path(__file__).resolve().parents[1] / "runs" / "playbooks"
FAILING = {"text": "", "doing": "tell-secrets"}


@pytest.fixture(scope="module")
async def probe(cluster: Cluster, realm: RealmUnderTest, birch: Organization) -> AsyncIterator[Catalogued]:
    wanted = Wanted("probe", "vancouver-1", {"text": "as asked for", "doing": "write"}, PLAYBOOKS)
    async with catalogued(cluster, realm, birch, wanted) as made:
        try:
            yield made
        finally:
            made.on_host(f"rm -rf /srv/coop/{made.short}")


async def test_a_file_changed_by_hand_is_shown_and_a_secret_in_it_is_not(probe: Catalogued) -> None:
    file = f"/srv/coop/{probe.short}/text"
    secret = (await probe.secrets())["marked"]
    probe.on_host(f"printf '%s\\n' 'by hand' {secret} >{file}")
    run = await probe.do("verify")
    found = (await probe.found_by(run)).host
    assert found is not None
    (change,) = found.changes
    assert (change.task, change.files) == ("Write what was typed", [file])
    assert change.diff is not None
    assert {"-by hand", "-[redacted]", "+as asked for"} <= set(change.diff.splitlines())
    told = await probe.told(run)
    assert [form for form in forms_of(secret) if form in told] == []


async def test_a_task_that_check_mode_cannot_foretell_is_named(probe: Catalogued) -> None:
    found = (await probe.found_by(await probe.do("verify"))).host
    assert found is not None
    assert [task.task for task in found.unpredicted] == ["Show what was typed to a shell"]


async def test_its_story_tells_what_would_change_and_never_that_it_did(probe: Catalogued) -> None:
    run = await probe.plan("reconcile")
    assert await probe.tasks(run, "task.would-change") == ["Write what was typed"]
    assert await probe.tasks(run, "task.changed") == []
    mended = await probe.do("reconcile")
    assert await probe.tasks(mended, "task.changed") == ["Write what was typed"]
    assert not (await probe.found_by(await probe.do("verify"))).differs
    assert await probe.attention() is None


async def test_a_plan_that_fails_leaves_the_instance_as_it_was(probe: Catalogued) -> None:
    before = await instance(probe)
    run = await probe.ended((await failing_plan(probe)).id)
    assert (run.state, (run.error or {})["task"]) == ("failed", "Tell it where something fails")
    after = await instance(probe)
    assert (after.state, after.attention, after.version) == (before.state, before.attention, before.version)
    told = await probe.told(run)
    assert [form for form in forms_of((await probe.secrets())["marked"]) if form in told] == []


async def test_a_plan_holds_the_instance_like_any_run_and_can_be_cancelled(probe: Catalogued) -> None:
    plan = await failing_plan(probe)
    async with probe.world.database.begin(OPERATOR) as session:
        with pytest.raises(SubjectBusy):
            await start_instance_run(
                session, await session.get_one(Instance, probe.instance_id), "reconcile", requested_by="command"
            )
        await control.cancel(session, plan.id, stop="now", actor="command")
    assert (await probe.run(plan.id)).state == "cancelled"


async def test_a_plan_made_after_an_update_failed_does_not_keep_it_from_being_tried_again(probe: Catalogued) -> None:
    failed = await probe.update(FAILING)
    assert failed.state == "failed"
    await probe.plan("reconcile")
    async with probe.world.database.begin(OPERATOR) as session:
        await control.retry(session, failed.id, verbosity=0, actor="command")
    assert (await probe.ended(failed.id)).state == "failed"
    async with probe.world.database.begin(OPERATOR) as session:
        await control.abandon(session, failed.id, actor="command")
    assert (await probe.do("reconcile")).state == "succeeded"


async def test_drift_is_compared_with_what_was_set_up_and_not_with_what_is_desired_since(probe: Catalogued) -> None:
    async with probe.world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Instance).values(desired_parameters={"text": "for later", "doing": "write"}))
    try:
        assert not (await probe.found_by(await probe.do("verify"))).differs
    finally:
        async with probe.world.database.begin(OPERATOR) as session:
            await session.execute(sa.update(Instance).values(desired_parameters=Instance.applied_parameters))


async def instance(probe: Catalogued) -> Instance:
    async with probe.worker_database.begin(OPERATOR) as session:
        return await session.get_one(Instance, probe.instance_id)


async def failing_plan(probe: Catalogued) -> Run:
    """Start a plan whose playbook fails in check mode too."""
    async with probe.world.database.begin(OPERATOR) as session:
        found = await session.get_one(Instance, probe.instance_id)
        revision = await session.get_one(ToolRevision, found.desired_revision_id)
        return await start_plan(session, found, "update", Desired(revision, dict(FAILING)), requested_by="command")
