"""The last day: people are told twice before, then the instance is suspended, and nothing is ever deleted."""

import datetime as dt
from pathlib import Path

import pytest
from tests.schedules.due import Due
from tests.support.world import mended_playbooks

from catalog.instances.tables import Instance
from catalog.instances.terms import latest_extension, next_term_end
from catalog.platform.db.scope import OPERATOR
from catalog.platform.errors import InvalidInput
from catalog.schedules import extensions, removals
from catalog.schedules.errors import NoEndDate, RemovalStands


def days(count: int) -> dt.timedelta:
    return dt.timedelta(days=count)


async def extended(due: Due, instance: Instance, until: dt.date | None = None) -> Instance:
    async with due.world.database.begin(OPERATOR) as session:
        found = await removals.locked_instance(session, instance.id)
        await extensions.extend(session, found, until, actor="person:somebody")
    await due.round()
    return await due.now(instance)


async def rounds(due: Due, count: int = 3) -> None:
    for _ in range(count):
        await due.round()


async def test_people_are_told_once_60_and_once_14_days_before(due: Due) -> None:
    await due.world.person("Ian Birch", "member-it", member=due.member, email="ian@birch.example")
    last = due.today() + days(59)
    instance = await due.running(ends_on=last)
    await rounds(due)
    (told,) = await due.events("instance.ending")
    assert (told["instance_id"], told["days"], told["ends_on"]) == (str(instance.id), 60, last.isoformat())
    assert {(one["name"], one["email"]) for one in told["tell"]} == {
        ("Ian Birch", "ian@birch.example"),
        ("Made-up Owner", "owner@birch.example"),
    }
    assert await due.tasks(instance) == {"verify", "suspend", "notice"}
    await due.change(instance, ends_on=due.today() + days(13))
    await rounds(due)
    assert [told["days"] for told in await due.events("instance.ending")] == [60, 14]
    assert await due.tasks(instance) == {"verify", "suspend"}


async def test_a_last_day_that_moved_and_comes_near_again_is_told_again_and_once(due: Due) -> None:
    first = due.today() + days(13)
    instance = await due.running(ends_on=first)
    await rounds(due)
    await extended(due, instance, due.today() + days(100))
    await rounds(due)
    assert await due.notices(instance) == [(first, 14)]
    second = due.today() + days(50)
    await due.change(instance, ends_on=second)
    await rounds(due)
    await due.change(instance, ends_on=first)
    await rounds(due)
    assert await due.notices(instance) == [(first, 14), (second, 60)]


async def test_on_its_last_day_it_is_in_use_and_after_it_suspended_with_the_reason(due: Due) -> None:
    instance = await due.running(ends_on=due.today())
    await rounds(due)
    assert await due.runs(instance, "suspend") == []
    await due.change(instance, ends_on=due.today() - days(1))
    await rounds(due)
    assert (await due.work(instance, "suspend")).requested_by == "schedule"
    await rounds(due)
    found = await due.now(instance)
    assert (found.state, found.attention) == ("suspended", "end-date-reached")
    assert len(await due.runs(instance, "suspend")) == 1
    assert await due.runs(instance, "deprovision") == []
    assert await due.tasks(instance) == set()


async def test_one_click_extends_what_was_suspended_and_resumes_it(due: Due) -> None:
    instance = await due.running(ends_on=due.today() - days(1))
    await due.work(instance, "suspend")
    found = await extended(due, instance)
    assert found.ends_on == next_term_end(due.today())
    assert (await due.work(instance, "resume")).state == "succeeded"
    await rounds(due)
    found = await due.now(instance)
    assert (found.state, found.attention) == ("running", None)
    assert "suspend" in await due.tasks(instance)
    (told,) = await due.events("instance.extended")
    assert told["until"] == next_term_end(due.today()).isoformat()


async def test_what_somebody_else_suspended_is_extended_and_stays_suspended(due: Due) -> None:
    instance = await due.running(ends_on=due.today() + days(30))
    await due.scripted.work(await due.scripted.start(instance, "suspend"))
    assert (await extended(due, instance)).state == "suspended"
    assert await due.runs(instance, "resume") == []


async def test_what_can_not_be_suspended_stays_and_needs_attention_until_it_is_extended(
    due: Due, tmp_path: Path
) -> None:
    made = mended_playbooks(tmp_path, tool_yaml=("  suspend: {timeout_minutes: 5}\n", ""))
    (made / "tools" / "notes" / "suspend.yml").unlink()
    await due.world.tool("notes", playbooks=made)
    instance = await due.running(ends_on=due.today() - days(1))
    await rounds(due)
    found = await due.now(instance)
    assert (found.state, found.attention) == ("running", "end-date-reached")
    assert len(await due.events("instance.attention")) == 1
    assert (await extended(due, instance)).attention is None


async def test_the_policy_bounds_an_extension(due: Due) -> None:
    last = due.today() + days(30)
    instance = await due.running(ends_on=last)
    latest = latest_extension(due.today())
    for until, code in ((last, "not-later"), (latest + days(1), "too-far"), (due.today() - days(1), "not-later")):
        with pytest.raises(InvalidInput) as raised:
            await extended(due, instance, until)
        assert [(field.pointer, field.code) for field in raised.value.fields] == [("/date", code)]
    assert (await extended(due, instance, latest)).ends_on == latest


async def test_without_a_last_day_or_while_a_removal_stands_there_is_nothing_to_extend(due: Due) -> None:
    instance = await due.running()
    with pytest.raises(NoEndDate):
        await extended(due, instance)
    await due.change(instance, ends_on=due.today() + days(30))
    await due.remove(await due.now(instance))
    with pytest.raises(RemovalStands):
        await extended(due, instance)


async def test_a_removal_that_is_taken_back_after_the_last_day_ends_by_it(due: Due) -> None:
    instance = await due.running(ends_on=due.today() + days(30))
    await due.remove(instance)
    await due.work(instance, "suspend")
    await due.change(instance, ends_on=due.today() - days(1))
    await rounds(due)
    assert len(await due.runs(instance, "suspend")) == 1
    await due.take_back(instance)
    await due.work(instance, "resume")
    await rounds(due)
    await due.work(instance, "suspend")
    assert (await due.now(instance)).attention == "end-date-reached"
