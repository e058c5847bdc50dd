"""Waves: one first, then some at a time; what they wait for, what they pass over, and when they stop by themselves."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from tests.batches.conftest import Fleet, Wiki

from catalog.batches import waves
from catalog.batches.tables import Batch
from catalog.instances.tables import Instance
from catalog.platform.audit import AuditEntry
from catalog.platform.db.scope import OPERATOR
from catalog.platform.outbox import OutboxEvent
from catalog.runs import control, holds
from catalog.runs.service import BATCH, PERSON
from catalog.runs.tables import Run


async def round_of(fleet: Fleet) -> int:
    """Let a wave begin, and its runs end; give how many they were."""
    await fleet.advance()
    return await fleet.work()


async def test_one_first_then_as_many_as_were_asked_for_until_all_are_done(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(6):
        await wiki(f"wiki-{number}")
    batch = await fleet.make()
    assert batch["counts"] == {"pending": 6}
    assert [await round_of(fleet) for _ in range(5)] == [1, 2, 2, 1, 0]
    ended = await fleet.read(batch)
    assert (ended["state"], ended["waves"], ended["counts"]) == ("done", 4, {"succeeded": 6})
    assert ended["ended_at"] is not None
    assert [item["wave"] for item in await fleet.items(batch)] == [1, 2, 2, 3, 3, 4]


async def test_a_wave_begins_only_when_all_of_the_one_before_have_ended(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(4):
        await wiki(f"wiki-{number}")
    batch = await fleet.make(first=2)
    for _ in range(3):
        await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"pending": 2, "queued": 2}
    first, second = [item["run"].rpartition("/")[2] for item in await fleet.items(batch, state="queued")]
    await fleet.scripted.work(first)
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"pending": 2, "queued": 1, "succeeded": 1}
    await fleet.scripted.work(second)
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"queued": 2, "succeeded": 2}


async def test_its_runs_name_it_and_come_after_those_that_a_person_waits_for(fleet: Fleet, wiki: Wiki) -> None:
    await wiki("wiki")
    batch = await fleet.make()
    await fleet.advance()
    (run,) = (await fleet.operator.get(batch["links"]["runs"])).json()["items"]
    assert run["batch"] == batch["id"]
    assert (await fleet.scripted.run(run["id"])).priority == BATCH < PERSON


async def test_it_stops_when_too_many_fail_and_says_so_everywhere(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(6):
        await wiki(f"wiki-{number}")
    fleet.failing = {"wiki-1", "wiki-2"}
    batch = await fleet.make(stop_at_percent=50)
    assert [await round_of(fleet) for _ in range(3)] == [1, 2, 0], "two of three are more than half"
    stopped = await fleet.read(batch)
    assert (stopped["state"], stopped["counts"]) == ("stopped", {"succeeded": 1, "failed": 2, "left-out": 3})
    assert stopped["problem"]["code"] == "too-many-failures"
    assert "2 of the 3" in stopped["problem"]["detail"]
    french = (await fleet.operator.get(batch["links"]["self"], headers={"Accept-Language": "fr"})).json()
    assert "2 des 3" in french["problem"]["detail"]
    assert {item["problem"]["code"] for item in await fleet.items(batch, state="left-out")} == {"not-begun"}
    async with fleet.scripted.world.database.begin(OPERATOR) as session:
        entries = await session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "batch.stopped"))
        assert entries.one().details["problem"] == "too-many-failures"
    async with fleet.database.begin(OPERATOR) as session:
        events = await session.scalars(sa.select(OutboxEvent).where(OutboxEvent.kind == "batch.stopped"))
        assert events.one().payload["batch_id"] == batch["id"]


@pytest.mark.parametrize(("stop_at_percent", "state"), [(0, "stopped"), (32, "stopped"), (34, "done"), (100, "done")])
async def test_the_share_that_may_fail_is_the_batchs_own(
    fleet: Fleet, wiki: Wiki, stop_at_percent: int, state: str
) -> None:
    for number in range(3):
        await wiki(f"wiki-{number}")
    fleet.failing = {"wiki-2"}
    batch = await fleet.make(stop_at_percent=stop_at_percent)
    for _ in range(3):
        await round_of(fleet)
    assert (await fleet.read(batch))["state"] == state


async def test_what_cannot_begin_is_left_out_with_its_reason_and_takes_no_place_in_a_wave(
    fleet: Fleet, wiki: Wiki
) -> None:
    await wiki("removing", state="removing")
    await wiki("failed", state="failed")
    await wiki("running")
    batch = await fleet.make()
    assert await round_of(fleet) == 1
    await fleet.advance()
    items = {item["hostname"].partition(".")[0]: item for item in await fleet.items(batch)}
    assert {name: item["state"] for name, item in items.items()} == {
        "removing": "left-out",
        "failed": "left-out",
        "running": "succeeded",
    }
    assert items["failed"]["problem"]["code"] == "instance-not-ready"
    assert items["running"]["wave"] == 1
    assert (await fleet.read(batch))["state"] == "done"


async def test_an_update_that_does_not_fit_an_instance_leaves_it_alone(fleet: Fleet, wiki: Wiki) -> None:
    fitting = await wiki("fitting")
    other = await wiki("other", desired_parameters={"title": "Other", "pages": 99})
    batch = await fleet.make(action="update", filter={"tool": "notes"}, parameters={"title": "The same for all"})
    for _ in range(3):
        await round_of(fleet)
    assert (await fleet.scripted.instance(fitting)).applied_parameters == {
        "title": "The same for all",
        "welcome": "",
        "pages": 10,
        "look": {"theme": "light"},
    }
    assert (await fleet.scripted.instance(other)).desired_parameters == {"title": "Other", "pages": 99}
    (left_out,) = await fleet.items(batch, state="left-out")
    assert left_out["problem"]["code"] == "invalid-input"
    assert [(wrong["pointer"], wrong["code"]) for wrong in left_out["problem"]["errors"]] == [
        ("/parameters/pages", "too-large")
    ]


async def test_one_that_is_busy_is_tried_again_while_the_batch_goes_on(fleet: Fleet, wiki: Wiki) -> None:
    busy, free = await wiki("busy"), await wiki("free")
    other = await fleet.scripted.start(busy, "verify")
    batch = await fleet.make(action="provision")
    await fleet.advance()
    (item,) = await fleet.items(batch, state="queued")
    assert item["instance"] == str(free.id)
    await fleet.scripted.work(item["run"].rpartition("/")[2])
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"pending": 1, "succeeded": 1}, "it waits for the one that is busy"
    await fleet.scripted.work(other)
    await round_of(fleet)
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"succeeded": 2}


async def test_one_that_was_removed_meanwhile_is_left_out(fleet: Fleet, wiki: Wiki) -> None:
    await wiki("first")
    gone = await wiki("gone")
    batch = await fleet.make()
    await round_of(fleet)
    async with fleet.database.begin(OPERATOR) as session:
        (await session.get_one(Instance, gone.id)).state = "removed"
    await fleet.advance()
    await fleet.advance()
    ended = await fleet.read(batch)
    assert (ended["state"], ended["counts"]) == ("done", {"succeeded": 1, "left-out": 1})


async def test_under_a_hold_its_runs_wait_and_so_does_it(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(2):
        await wiki(f"wiki-{number}")
    batch = await fleet.make()
    async with fleet.scripted.world.database.begin(OPERATOR) as session:
        placed = await holds.place(session, "tool", "notes", reason="Exams.", actor="person:somebody")
    await round_of(fleet)
    await fleet.advance()
    waiting = await fleet.read(batch)
    assert (waiting["state"], waiting["counts"]) == ("running", {"pending": 1, "queued": 1})
    async with fleet.scripted.world.database.begin(OPERATOR) as session:
        await holds.lift(session, placed.hold.id, actor="person:somebody")
    await fleet.work()
    await round_of(fleet)
    await fleet.advance()
    assert (await fleet.read(batch))["state"] == "done"


async def test_how_a_run_ended_last_is_what_counts(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(2):
        await wiki(f"wiki-{number}")
    fleet.failing = {"wiki-0", "wiki-1"}
    batch = await fleet.make(first=2, stop_at_percent=50)
    await round_of(fleet)
    first, second = [item["run"].rpartition("/")[2] for item in await fleet.items(batch)]
    fleet.failing = set()
    await fleet.scripted.say(control.retry, first, verbosity=0)
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"queued": 1, "failed": 1}, "it waits for the one that is retried"
    await fleet.scripted.work(first)
    await fleet.advance()
    ended = await fleet.read(batch)
    assert (ended["state"], ended["counts"]) == ("done", {"succeeded": 1, "failed": 1})
    await fleet.scripted.say(control.abandon, second)
    assert (await fleet.read(batch))["counts"] == {"succeeded": 1, "abandoned": 1}


async def test_a_run_that_somebody_cancels_counts_as_one_that_failed(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(2):
        await wiki(f"wiki-{number}")
    batch = await fleet.make()
    await fleet.advance()
    (item,) = await fleet.items(batch, state="queued")
    await fleet.scripted.cancel(item["run"].rpartition("/")[2], "now")
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"cancelled": 1, "left-out": 1}


async def test_two_workers_at_once_begin_a_wave_once(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(4):
        await wiki(f"wiki-{number}")
    batch = await fleet.make()
    await asyncio.gather(*(fleet.advance() for _ in range(4)))
    assert (await fleet.read(batch))["counts"] == {"pending": 3, "queued": 1}


async def test_a_worker_that_dies_before_the_commit_has_begun_nothing(
    fleet: Fleet, wiki: Wiki, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        await wiki(f"wiki-{number}")
    batch = await fleet.make(first=2)

    class Killed(BaseException):
        """The worker's end."""

    begun: list[Any] = []
    begin = waves.begin

    async def dies(*arguments: Any, **named: Any) -> Run:
        begun.append(await begin(*arguments, **named))
        if len(begun) == 2:
            raise Killed
        return begun[-1]

    with monkeypatch.context() as patched:
        patched.setattr(waves, "begin", dies)
        with pytest.raises(Killed):
            await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"pending": 2}
    async with fleet.database.begin(OPERATOR) as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Run)) == 0
    await round_of(fleet)
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"succeeded": 2}


async def test_a_batch_that_breaks_stands_in_no_others_way(fleet: Fleet, wiki: Wiki) -> None:
    await wiki("wiki")
    broken, sound = await fleet.make(), await fleet.make()
    async with fleet.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Batch).where(Batch.id == broken["id"]).values(input={}))
    await fleet.advance()
    assert (await fleet.read(sound))["counts"] == {"queued": 1}
