"""The version before goes on working on this version's schema, beside this version; no run is lost between them."""

from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from tests.runs.scene import Scene, eventually
from tests.upgrades.sides import NOT_KNOWN_BEFORE, Server, Sides
from tests.upgrades.versions import Version

from catalog.platform.db.scope import OPERATOR
from catalog.runs import control
from catalog.runs.definitions import DEFINITION
from catalog.runs.tables import Run

OK = httpx.codes.OK


async def read(server: Server, sides: Sides, path: str) -> Any:
    async with server.as_(sides.operator) as client:
        answer = await client.get(path)
    assert answer.status_code == OK, answer.text
    return answer.json()


async def until_fulfilled(server: Server, sides: Sides, request: dict[str, Any]) -> None:
    async def is_so() -> bool:
        return bool((await read(server, sides, f"/v1/requests/{request['id']}"))["state"] == "fulfilled")

    await eventually(is_so, "the request is fulfilled")


async def test_a_server_of_before_takes_a_request_and_its_approval_which_a_worker_of_now_does(
    sides: Sides, before: Version, now: Version
) -> None:
    async with sides.server(before) as server:
        request = await sides.approved(server)
        run_id = request["run_id"]
        async with sides.worker(now):
            await sides.until_run(UUID(run_id), "succeeded")
            await until_fulfilled(server, sides, request)
        run = await read(server, sides, f"/v1/runs/{run_id}")
        assert [step["state"] for step in run["steps"]] == ["done"] * 4
        story = await read(server, sides, f"/v1/runs/{run_id}/events?limit=500")
        assert [event["sequence"] for event in story["items"]] == list(range(1, run["last_sequence"] + 1))
        assert story["ended"] is True


async def test_a_server_of_now_beside_a_worker_of_before_loses_nothing(
    sides: Sides, before: Version, now: Version
) -> None:
    async with sides.server(now) as server, sides.worker(before):
        request = await sides.approved(server)
        await sides.until_not_told(UUID(request["run_id"]))
        async with sides.worker(now):
            await sides.until_run(UUID(request["run_id"]), "succeeded")
            await until_fulfilled(server, sides, request)


async def test_servers_of_both_versions_read_and_decide_what_the_other_took(
    sides: Sides, before: Version, now: Version
) -> None:
    async with sides.server(before) as older, sides.server(now) as newer:
        first, second = await sides.approved(older), await sides.approved(newer)
        for server in (older, newer):
            listed = await read(server, sides, "/v1/runs")
            assert {run["id"] for run in listed["items"]} >= {first["run_id"], second["run_id"]}
            for request in (first, second):
                assert (await read(server, sides, f"/v1/requests/{request['id']}"))["state"] == "approved"
                assert (await read(server, sides, f"/v1/instances/{request['instance_id']}"))["state"] == "provisioning"


async def test_a_run_of_a_server_of_before_stands_under_the_holds_and_limits_of_its_place(
    sides: Sides, before: Version
) -> None:
    async with sides.server(before) as server:
        request = await sides.approved(server)
    run = await sides.scene.run(UUID(request["run_id"]))
    instance = sides.scene.instance
    assert (run.host_id, run.tool_slug) == (instance.host_id, "probe")
    assert run.site_id is not None


async def test_a_server_of_before_shows_what_only_this_version_makes(sides: Sides, before: Version) -> None:
    async with sides.server(before) as server:
        request = await sides.approved(server)
        async with sides.scene.worker_database.begin(OPERATOR) as session:
            await session.execute(sa.text("UPDATE requests SET state = 'abandoned'"))
            await session.execute(sa.text("UPDATE instances SET state = 'suspended'"))
            await session.execute(sa.text("UPDATE run_steps SET state = 'skipped'"))
        run = await read(server, sides, f"/v1/runs/{request['run_id']}")
        assert {step["state"] for step in run["steps"]} == {"skipped"}
        assert (await read(server, sides, f"/v1/requests/{request['id']}"))["state"] == "abandoned"
        for path in ("/v1/requests", "/v1/instances", "/v1/runs"):
            assert (await read(server, sides, path))["items"] != []


async def test_a_worker_of_before_does_the_runs_that_it_knows_and_leaves_others_alone(
    sides: Sides, before: Version
) -> None:
    async with sides.worker(before):
        known = await sides.start("write", "verify")
        await sides.until_run(known, "succeeded")
        newer = await sides.start("write", definition=NOT_KNOWN_BEFORE)
        await sides.until_not_told(newer)
        run = await sides.scene.run(newer)
        assert (run.state, run.attempt) == ("queued", 0)


async def test_a_run_that_a_worker_of_before_left_between_two_steps_is_ended_by_one_of_now(
    sides: Sides, scene: Scene, before: Version, now: Version
) -> None:
    run_id = await sides.start("wait", "verify")
    async with sides.worker(before) as worker:
        await sides.until_on_host("begun-1")
        worker.ask_to_stop()
        sides.let_go_on()
    left = await scene.run(run_id)
    assert left.state == "queued"
    async with sides.worker(now):
        await sides.until_run(run_id, "succeeded")
    assert [(one.position, one.outcome) for one in await scene.tries(run_id)] == [(1, "done"), (2, "done")]


async def test_a_run_whose_worker_of_before_was_killed_in_a_step_is_ended_by_one_of_now(
    sides: Sides, scene: Scene, before: Version, now: Version
) -> None:
    run_id = await sides.start("wait", "verify")
    async with sides.worker(before) as worker:
        await sides.until_on_host("begun-1")
        worker.kill()
    await scene.expire_lease(run_id)
    async with sides.worker(now):
        await sides.until_on_host("begun-2")
        sides.let_go_on()
        await sides.until_run(run_id, "succeeded")
    assert [(one.position, one.outcome) for one in await scene.tries(run_id)] == [
        (1, "interrupted"),
        (1, "done"),
        (2, "done"),
    ]
    assert "done-1" not in scene.on_host(f"ls {scene.home}"), "what the killed attempt ran on the host was ended"


async def test_a_run_that_a_worker_of_now_began_is_ended_by_one_of_before(
    sides: Sides, scene: Scene, before: Version, now: Version
) -> None:
    run_id = await sides.start("wait", "verify")
    async with sides.worker(now) as worker:
        await sides.until_on_host("begun-1")
        worker.kill()
    await scene.expire_lease(run_id)
    async with sides.worker(before):
        sides.let_go_on()
        await sides.until_run(run_id, "succeeded")
    run = await scene.run(run_id)
    assert run.admitted_at is None, "it gives its place back, whoever ended it"


@pytest.mark.parametrize("steering", ["retry", "abandon"])
async def test_a_run_that_somebody_steers_is_left_to_workers_that_know_how(
    sides: Sides, scene: Scene, before: Version, steering: str
) -> None:
    run_id = await sides.start("fail")
    async with sides.worker(before):
        await until_failed(sides, run_id)
    async with scene.world.database.begin(OPERATOR) as session:
        if steering == "retry":
            await control.retry(session, run_id, verbosity=0, actor="command")
        else:
            await control.abandon(session, run_id, actor="command")
    run = await scene.run(run_id)
    assert (run.state, run.definition) == ("queued", DEFINITION)


async def until_failed(sides: Sides, run_id: UUID) -> None:
    async def is_so() -> bool:
        run: Run = await sides.scene.run(run_id)
        return run.state == "failed"

    await eventually(is_so, "the run has failed")
