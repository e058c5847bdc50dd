"""The loop of the schedules: what is due is started once, whoever looks and whatever stands in the way."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.schedules.due import Due
from tests.support.world import mended_playbooks

from catalog.platform.clock import now
from catalog.platform.db.scope import OPERATOR
from catalog.runs import holds
from catalog.runs.service import SCHEDULE
from catalog.schedules import loop
from catalog.schedules.tables import Schedule

BACKED_UP = (
    "monthly_cost_cents: 500}",
    "monthly_cost_cents: 500, backup_hour: 3}",
)


async def test_a_running_instance_is_verified_daily_with_the_priority_of_a_schedule(due: Due) -> None:
    instance = await due.running()
    planned = await due.schedule(instance, "verify")
    assert planned is not None
    assert now() < planned.due_at <= now() + dt.timedelta(days=1)
    await due.come(instance, "verify")
    await due.round()
    (run,) = await due.runs(instance, "verify")
    assert (run.priority, run.requested_by) == (SCHEDULE, "schedule")
    following = await due.schedule(instance, "verify")
    assert following is not None
    assert following.next_at == planned.due_at
    assert (following.last_run_id, following.blocked) == (run.id, None)


async def test_two_workers_at_once_start_one_run(due: Due) -> None:
    instances = [await due.running(name) for name in ("one", "two", "three")]
    for instance in instances:
        await due.come(instance, "verify")
    for _ in range(3):
        await asyncio.gather(*(due.round() for _ in range(3)))
    for instance in instances:
        assert len(await due.runs(instance, "verify")) == 1


async def test_what_was_missed_for_days_is_made_up_for_once(due: Due) -> None:
    instance = await due.running()
    long_ago = now() - dt.timedelta(days=5)
    async with due.worker.begin(OPERATOR) as session:
        await session.execute(sa.update(Schedule).values(due_at=long_ago, next_at=long_ago))
    for _ in range(3):
        await due.round()
    run = await due.work(instance, "verify")
    assert run.state == "succeeded"
    await due.round()
    assert len(await due.runs(instance, "verify")) == 1


async def test_a_subject_that_is_busy_is_tried_again_soon_and_does_not_pile_up(due: Due) -> None:
    instance = await due.running()
    person = await due.scripted.start(instance, "reconcile")
    await due.come(instance, "verify")
    await due.round()
    waiting = await due.schedule(instance, "verify")
    assert waiting is not None
    assert waiting.blocked == "subject-busy"
    assert now() < waiting.next_at <= now() + loop.TRY_AGAIN
    await due.scripted.work(person)
    await due.come(instance, "verify")
    await due.round()
    assert len(await due.runs(instance, "verify")) == 1


async def test_nothing_scheduled_queues_up_under_a_hold(due: Due) -> None:
    instance = await due.running()
    async with due.world.database.begin(OPERATOR) as session:
        placed = await holds.place(session, "host", "vancouver-1", reason="Moving house.", actor="person:somebody")
    await due.come(instance, "verify")
    await due.round()
    waiting = await due.schedule(instance, "verify")
    assert waiting is not None
    assert waiting.blocked == "held"
    assert await due.runs(instance, "verify") == []
    async with due.world.database.begin(OPERATOR) as session:
        await holds.lift(session, placed.hold.id, actor="person:somebody")
    await due.come(instance, "verify")
    await due.round()
    assert len(await due.runs(instance, "verify")) == 1


async def test_what_fails_unforeseen_stands_in_nobodys_way(due: Due, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = await due.running("broken"), await due.running("sound")
    does = loop.do

    async def breaking(session: object, instance: object, *others: object) -> object:
        if getattr(instance, "id", None) == broken.id:
            raise ZeroDivisionError
        return await does(session, instance, *others)  # type: ignore[arg-type] # handed through as it came

    monkeypatch.setattr(loop, "do", breaking)
    for instance in (broken, sound):
        await due.come(instance, "verify")
    await due.round()
    assert len(await due.runs(sound, "verify")) == 1
    set_aside = await due.schedule(broken, "verify")
    assert set_aside is not None
    assert (set_aside.blocked, set_aside.next_at > now()) == ("broken", True)


async def test_an_instance_that_is_not_running_is_left_alone(due: Due) -> None:
    instance = await due.running()
    await due.change(instance, state="suspended")
    await due.come(instance, "verify")
    await due.round()
    assert await due.tasks(instance) == set()
    await due.change(instance, state="running")
    await due.round()
    assert await due.tasks(instance) == {"verify"}


async def test_backups_are_due_where_the_plan_has_an_hour_and_the_bundle_an_action(due: Due, tmp_path: Path) -> None:
    before = await due.running("before")
    assert await due.tasks(before) == {"verify"}
    made = mended_playbooks(tmp_path, tool_yaml=BACKED_UP)
    written = made / "tools" / "notes" / "tool.yaml"
    text = written.read_text(encoding="utf-8")
    written.write_text(
        text.replace("  suspend: {timeout_minutes: 5}", "  backup: {timeout_minutes: 5}"), encoding="utf-8"
    )
    (written.parent / "suspend.yml").rename(written.parent / "backup.yml")
    await due.world.tool("notes", playbooks=made)
    after = await due.running("after")
    assert await due.tasks(after) == {"verify", "backup"}
    planned = await due.schedule(after, "backup")
    assert planned is not None
    assert planned.due_at.astimezone(due.site.zone).hour == 3
    await due.come(after, "backup")
    await due.freeze()
    await due.round()
    assert len(await due.runs(after, "backup")) == 1
    following = await due.schedule(after, "backup")
    assert following is not None
    assert following.next_at > now()
