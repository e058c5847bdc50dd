"""Removals: suspended now, purged after the grace time, and taken back until then."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.engine.scripted import Lasting, instance_of
from tests.schedules.due import GRACE, Due
from tests.support.world import mended_playbooks

from catalog.calendar.errors import ChangesFrozen
from catalog.instances.tables import Instance, Removal
from catalog.platform.audit import AuditEntry
from catalog.platform.clock import now
from catalog.platform.db.scope import OPERATOR
from catalog.platform.i18n import Text
from catalog.runs.context import StepContext
from catalog.runs.errors import InstanceNotReady, SubjectBusy
from catalog.runs.failures import Problem, StepFailed
from catalog.schedules.doing import NEEDS_SUSPENSION
from catalog.schedules.errors import NoRemoval, PurgeBegan, RemovalStands

FAILED = Problem(code="playbook-failed", title=Text(en="It failed", fr="Échec"), detail=Text(en="Look.", fr="Voyez."))


async def fails(_context: StepContext) -> dict[str, object]:
    raise StepFailed(FAILED)


async def removed(due: Due, name: str = "notes") -> Instance:
    """Give an instance that was removed and is suspended."""
    instance = await due.running(name)
    await due.remove(instance)
    await due.work(instance, "suspend")
    await due.round()
    return await due.now(instance)


async def test_it_is_suspended_at_once_and_purged_when_the_grace_is_over(due: Due) -> None:
    instance = await removed(due)
    assert (instance.state, instance.attention) == ("suspended", None)
    assert await due.tasks(instance) == {"deprovision"}
    planned = await due.schedule(instance, "deprovision")
    assert planned is not None
    assert abs(planned.next_at - (now() + GRACE)) < dt.timedelta(minutes=1)
    await due.round()
    assert await due.runs(instance, "deprovision") == [], "not before its time"
    await due.come(instance, "deprovision")
    await due.round()
    assert (await due.work(instance, "deprovision")).state == "succeeded"
    await due.round()
    assert (await due.now(instance)).state == "removed"
    assert await due.tasks(instance) == set()


async def test_until_then_it_is_taken_back_and_resumed(due: Due) -> None:
    instance = await removed(due)
    await due.take_back(instance)
    assert (await due.work(instance, "resume")).state == "succeeded"
    await due.round()
    assert (await due.now(instance)).state == "running"
    assert await due.tasks(instance) == {"verify"}
    with pytest.raises(NoRemoval):
        await due.take_back(instance)
    await due.remove(instance)


async def test_each_step_is_told_and_written_down(due: Due) -> None:
    instance = await removed(due)
    await due.take_back(instance)
    for kind in ("instance.removal-asked", "instance.removal-taken-back"):
        (told,) = await due.events(kind)
        assert (told["instance_id"], told["by"]) == (str(instance.id), "person:somebody")
    async with due.world.database.begin(OPERATOR) as session:
        actions = set(
            await session.scalars(sa.select(AuditEntry.action).where(AuditEntry.subject_id == str(instance.id)))
        )
    assert {"instance.removal-asked", "instance.removal-taken-back"} <= actions


async def test_of_two_removals_at_once_one_wins_and_the_other_hears_of_it(due: Due) -> None:
    instance = await due.running()
    ends = await asyncio.gather(due.remove(instance), due.remove(instance), return_exceptions=True)
    assert {type(end) for end in ends} == {Removal, RemovalStands}
    assert len(await due.runs(instance, "suspend")) == 1


async def test_taken_back_while_the_purge_begins_there_is_one_winner(due: Due) -> None:
    for name in ("one", "two", "three"):
        instance = await removed(due, name)
        await due.come(instance, "deprovision")
        taken, _ = await asyncio.gather(due.take_back(instance), due.round(), return_exceptions=True)
        purges = await due.runs(instance, "deprovision")
        resumes = await due.runs(instance, "resume")
        assert len(purges) + len(resumes) == 1
        assert isinstance(taken, PurgeBegan) == bool(purges)


async def test_once_the_purge_has_begun_nothing_is_taken_back(due: Due) -> None:
    instance = await removed(due)
    await due.come(instance, "deprovision")
    await due.round()
    for again in (due.take_back, due.remove):
        with pytest.raises(PurgeBegan):
            await again(instance)


async def test_it_is_not_taken_back_while_its_suspension_is_under_way(due: Due) -> None:
    instance = await due.running()
    lasting = Lasting()
    due.scripted.step("suspend", lasting)
    await due.remove(instance)
    (run,) = await due.runs(instance, "suspend")
    working = asyncio.create_task(due.scripted.work(run.id))
    await lasting.begun.wait()
    with pytest.raises(SubjectBusy):
        await due.take_back(instance)
    lasting.go_on.set()
    await working
    await due.take_back(instance)


async def test_what_is_not_suspended_is_never_purged_and_needs_attention(due: Due) -> None:
    instance = await due.running()
    due.scripted.step("suspend", fails)
    await due.remove(instance)
    await due.work(instance, "suspend")
    await due.round()
    await due.come(instance, "deprovision")
    await due.round()
    assert await due.runs(instance, "deprovision") == []
    found = await due.now(instance)
    assert (found.state, found.attention) == ("running", NEEDS_SUSPENSION)
    await due.come(instance, "deprovision")
    await due.round()
    assert (await due.now(instance)).version == found.version, "said once"

    async def succeeds(_context: StepContext) -> dict[str, object]:
        return {}

    due.scripted.step("suspend", succeeds)
    await due.scripted.work(await due.scripted.start(found, "suspend"))
    assert (await due.now(instance)).attention is None
    await due.come(instance, "deprovision")
    await due.round()
    assert (await due.work(instance, "deprovision")).state == "succeeded"


async def test_what_a_failed_suspension_took_is_given_back(due: Due) -> None:
    instance = await due.running()
    due.scripted.step("suspend", fails)
    await due.remove(instance)
    await due.work(instance, "suspend")
    await due.freeze()
    await due.take_back(instance)
    assert (await due.work(instance, "reconcile")).state == "succeeded"
    assert (await due.now(instance)).attention is None


async def test_nothing_is_purged_during_a_freeze_nor_suspended(due: Due) -> None:
    instance = await removed(due)
    freeze_id = await due.freeze("instance", instance.hostname)
    await due.come(instance, "deprovision")
    await due.round()
    waiting = await due.schedule(instance, "deprovision")
    assert waiting is not None
    assert waiting.blocked == "changes-frozen"
    await due.thaw(freeze_id)
    await due.come(instance, "deprovision")
    await due.round()
    assert len(await due.runs(instance, "deprovision")) == 1
    other = await due.running("other")
    await due.freeze()
    with pytest.raises(ChangesFrozen):
        await due.remove(other)


async def test_what_can_not_be_suspended_stays_in_use_until_it_is_purged(due: Due, tmp_path: Path) -> None:
    made = mended_playbooks(tmp_path, tool_yaml=("  suspend: {timeout_minutes: 5}\n", ""))
    (made / "tools" / "notes" / "suspend.yml").unlink()
    await due.world.tool("notes", playbooks=made)
    instance = await due.running()
    assert (await due.remove(instance)).suspends is False
    await due.round()
    assert (await due.now(instance)).state == "running"
    assert await due.tasks(instance) == {"verify", "deprovision"}
    await due.come(instance, "deprovision")
    await due.round()
    assert (await due.work(instance, "deprovision")).state == "succeeded"


async def test_a_first_provision_that_failed_is_removed_and_one_that_goes_on_is_not(due: Due) -> None:
    instance = await instance_of(due.world, due.member, due.site, "new")
    with pytest.raises(InstanceNotReady):
        await due.remove(instance)
    due.scripted.step("provision", fails)
    await due.scripted.work(await due.scripted.start(instance))
    removal = await due.remove(instance)
    assert (removal.suspends, removal.suspend_run_id) == (False, None)
    await due.scripted.start(await due.now(instance), "deprovision")
    with pytest.raises(InstanceNotReady):
        await due.take_back(instance)
    await due.round()
    assert await due.tasks(instance) == set()
