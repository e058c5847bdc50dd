"""When nothing may change, and when what is scheduled may."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from tests.engine.scripted import instance_of
from tests.schedules.due import Due

from catalog.calendar.errors import ChangesFrozen
from catalog.calendar.service import Overrule
from catalog.instances.tables import Instance
from catalog.instances.targets import Scope
from catalog.platform.audit import AuditEntry
from catalog.platform.db.scope import OPERATOR

YESTERDAY = dt.timedelta(days=-1)


async def refusal(due: Due, instance: Instance, action: str, **named: Any) -> ChangesFrozen:
    with pytest.raises(ChangesFrozen) as raised:
        await due.scripted.start(instance, action, **named)
    return raised.value


async def test_a_freeze_stands_over_what_it_is_on_alone(due: Due) -> None:
    instance = await due.running()
    targets: dict[Scope, str | None] = {
        "all": None,
        "site": "vancouver",
        "host": "vancouver-1",
        "tool": "notes",
        "member": "birch",
        "instance": instance.hostname,
    }
    for scope, target in targets.items():
        freeze_id = await due.freeze(scope, target)
        assert str(freeze_id) in (await refusal(due, instance, "update")).explanation().en, scope
        await due.thaw(freeze_id)
    await due.world.member("maple")
    other = await instance_of(due.world, due.member, due.site, "other")
    await due.freeze("member", "maple")
    await due.freeze("instance", other.hostname)
    await due.scripted.work(await due.scripted.start(instance, "update"))


async def test_it_says_in_both_languages_what_stands_until_when_and_who_may_overrule(due: Due) -> None:
    instance = await due.running()
    await due.freeze()
    told = (await refusal(due, instance, "reconcile")).explanation()
    assert "Exams." in told.en
    assert "an operator, who can overrule" in told.en
    assert "un opérateur, qui peut passer outre" in told.fr


async def test_looking_backing_up_and_giving_back_go_on_and_so_does_a_first_provision(due: Due) -> None:
    instance = await due.running()
    await due.freeze()
    await due.scripted.work(await due.scripted.start(instance, "verify"))
    await due.change(instance, state="suspended")
    await due.scripted.work(await due.scripted.start(await due.now(instance), "resume"))
    new = await instance_of(due.world, due.member, due.site, "new")
    await due.scripted.work(await due.scripted.start(new))
    await refusal(due, await due.now(new), "provision")


async def test_an_operator_overrules_it_with_a_reason_that_the_audit_trail_keeps(due: Due) -> None:
    instance = await due.running()
    freeze_id = await due.freeze()
    await due.scripted.start(instance, "update", overrule=Overrule("person:olga", "The page leaks."))
    async with due.world.database.begin(OPERATOR) as session:
        entry = (await session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "freeze.overruled"))).one()
    assert (entry.actor, entry.subject_id) == ("person:olga", str(instance.id))
    assert entry.details == {"freeze_id": str(freeze_id), "action": "update", "reason": "The page leaks."}


async def test_what_is_scheduled_waits_for_the_freeze_to_end_and_is_done_then(due: Due) -> None:
    instance = await due.running()
    freeze_id = await due.freeze("tool", "notes")
    await due.change(instance, ends_on=due.today() + YESTERDAY)
    await due.round()
    waiting = await due.schedule(instance, "suspend")
    assert waiting is not None
    assert waiting.blocked == "changes-frozen"
    await due.thaw(freeze_id)
    await due.come(instance, "suspend")
    await due.round()
    assert (await due.work(instance, "suspend")).state == "succeeded"


async def test_what_is_scheduled_waits_for_a_window_and_what_people_start_does_not(due: Due) -> None:
    await due.window(dt.timedelta(hours=3))
    instance = await due.running(ends_on=due.today() + YESTERDAY)
    waiting = await due.schedule(instance, "suspend")
    assert waiting is not None
    assert waiting.blocked == "outside-windows"
    await due.scripted.work(await due.scripted.start(instance, "update"))
    await due.window(dt.timedelta(minutes=-5), "host", "vancouver-1")
    await due.come(instance, "suspend")
    await due.round()
    assert (await due.work(instance, "suspend")).state == "succeeded"


async def test_a_window_of_something_else_neither_opens_nor_closes_anything(due: Due) -> None:
    other = await instance_of(due.world, due.member, due.site, "other")
    await due.window(dt.timedelta(hours=3), "instance", other.hostname)
    instance = await due.running(ends_on=due.today() + YESTERDAY)
    assert (await due.work(instance, "suspend")).state == "succeeded"
