"""Operators start actions on one instance: what goes with them, what changes with them, and what is refused."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.engine.scripted import Scripted, instance_of
from tests.support.coop import Coop, problem, wrong_fields
from tests.support.world import World, mended_playbooks

from catalog.instances.tables import Instance, Port
from catalog.platform.audit import AuditEntry
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.tables import Run
from catalog.sites.service import site_by_slug

Start = Callable[..., Awaitable[httpx.Response]]
GREET = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "times": {
            "type": "integer",
            "minimum": 1,
            "default": 1,
            "title": "Times",
            "description": "How often.",
            "x-fr": {"title": "Fois", "description": "Combien de fois."},
        }
    },
}


@pytest.fixture
def scripted(world: World, worker_database: Database) -> Scripted:
    return Scripted(world, worker_database)


@pytest.fixture
async def instance(coop: Coop, world: World, scripted: Scripted) -> Instance:
    """A running instance of Birch's."""
    async with world.database.begin(OPERATOR) as session:
        site = await site_by_slug(session, "vancouver")
    return await scripted.provisioned(await instance_of(world, coop.birch, site, "history"))


@pytest.fixture
def start(coop: Coop, client_as: ClientAs, scripted: Scripted, instance: Instance) -> Start:
    """Give a way to start an action on the instance as it is now, as an operator."""

    async def started(action: str, *, headers: dict[str, str] | None = None, **others: Any) -> httpx.Response:
        version = (await scripted.instance(instance)).version
        return await client_as(coop.olga).post(
            f"/v1/instances/{instance.id}/runs",
            json={"action": action, **others},
            headers={"If-Match": f'"{version}"'} if headers is None else headers,
        )

    return started


async def new_revision(world: World, tmp_path: Path, **mended: tuple[str, str]) -> None:
    playbooks = mended_playbooks(tmp_path / "next", **({"provision_yml": ("- name:", "- name: Newly,")} | mended))
    await world.tool("notes", playbooks=playbooks)


async def count(database: Database, *conditions: sa.ColumnElement[bool]) -> int:
    async with database.begin(OPERATOR) as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(Run).where(*conditions)) or 0


async def test_the_answer_is_the_run_and_where_to_follow_it(start: Start, coop: Coop) -> None:
    answer = await start("verify", headers={})
    assert answer.status_code == 202, answer.text
    run = answer.json()
    assert answer.headers["location"] == f"/v1/runs/{run['id']}"
    assert answer.headers["retry-after"] == "5"
    assert (run["action"], run["state"], run["requested_by"]) == ("verify", "queued", f"person:{coop.olga.id}")
    assert [step["name"] for step in run["steps"]] == ["compare-sign-on", "compare-host", "verify"]


async def test_an_update_changes_what_is_desired_with_the_run_and_applies_at_its_end(
    start: Start, scripted: Scripted, instance: Instance, database: Database
) -> None:
    answer = await start("update", parameters={"title": "Notes of the field"})
    assert answer.status_code == 202, answer.text
    asked = await scripted.instance(instance)
    assert asked.desired_parameters["title"] == "Notes of the field"
    assert (asked.applied_parameters or {})["title"] == "Field notes"
    assert asked.version == instance.version + 1
    run = await scripted.run(answer.json()["id"])
    assert run.input["parameters"] == asked.desired_parameters
    await scripted.work(run.id)
    assert (await scripted.instance(instance)).applied_parameters == asked.desired_parameters
    async with database.begin(OPERATOR) as session:
        entry = (await session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "instance.update"))).one()
    assert entry.details == {"revision": [1, 1], "parameters": ["title"]}


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ({"pages": 20}, {"/parameters/pages": "not-changeable"}),
        ({"look": {"theme": "dark"}}, {"/parameters/look/theme": "not-changeable"}),
        ({"look": {"a/b~c": True}}, {"/parameters/look/a~1b~0c": "not-changeable"}),
        ({"contact": "ada@birch.example"}, {"/parameters/contact": "not-changeable"}),
        ({"title": ""}, {"/parameters/title": "too-short"}),
        ({"title": None}, {"/parameters/title": "required"}),
        ({"title": "a\u0000"}, {"/parameters/title": "wrong-characters"}),
        ({"nonsense": 1}, {"/parameters/nonsense": "unknown-field"}),
    ],
)
async def test_an_update_that_may_not_be_is_refused_with_a_pointer_and_changes_nothing(
    start: Start, scripted: Scripted, instance: Instance, parameters: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert wrong_fields(await start("update", parameters=parameters)) == wrong
    after = await scripted.instance(instance)
    assert (after.desired_parameters, after.version) == (instance.desired_parameters, instance.version)
    assert await count(scripted.world.database, Run.action == "update") == 0


async def test_what_is_sent_as_it_is_already_is_no_change(start: Start) -> None:
    answer = await start("update", parameters={"pages": 10, "look": {"theme": "light"}, "title": "New"})
    assert answer.status_code == 202, answer.text


async def test_an_upgrade_goes_to_the_current_revision_unless_another_is_named(
    start: Start, scripted: Scripted, instance: Instance, world: World, tmp_path: Path
) -> None:
    await new_revision(world, tmp_path, tool_yaml=("ports: [web]", "ports: [web, metrics]"))
    run_id = (await start("upgrade")).json()["id"]
    await scripted.work(run_id)
    after = await scripted.instance(instance)
    assert after.applied_revision_id == after.desired_revision_id != instance.desired_revision_id
    async with world.database.begin(OPERATOR) as session:
        ports = await session.scalars(sa.select(Port.name).where(Port.instance_id == instance.id))
        assert set(ports) == {"web", "metrics"}
    problem(await start("upgrade"), 409, "nothing-to-upgrade")
    back = await start("upgrade", revision=1)
    assert back.status_code == 202, back.text
    assert (await scripted.instance(instance)).desired_revision_id == instance.desired_revision_id


async def test_a_revision_that_was_withdrawn_or_never_was_is_refused(
    start: Start, world: World, tmp_path: Path
) -> None:
    await new_revision(world, tmp_path)
    await world.withdraw("notes", 2, 1)
    assert wrong_fields(await start("upgrade", revision=2)) == {"/revision": "revision-withdrawn"}
    assert wrong_fields(await start("upgrade", revision=9)) == {"/revision": "unknown-revision"}
    await world.withdraw("notes", 1)
    assert wrong_fields(await start("upgrade")) == {"/revision": "required"}


async def test_an_upgrade_asks_for_what_the_new_revision_needs_and_leaves_behind_what_it_has_no_place_for(
    start: Start, scripted: Scripted, instance: Instance, world: World, tmp_path: Path
) -> None:
    playbooks = mended_playbooks(tmp_path / "next", provision_yml=("- name:", "- name: Newly,"))
    path = playbooks / "tools" / "notes" / "parameters.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    schema["properties"]["course"] = {**schema["properties"].pop("welcome"), "minLength": 1}
    del schema["properties"]["course"]["default"]
    schema["required"] = ["title", "course"]
    path.write_text(json.dumps(schema), encoding="utf-8")
    await world.tool("notes", playbooks=playbooks)
    assert wrong_fields(await start("upgrade")) == {"/parameters/course": "required"}
    assert (await start("upgrade", parameters={"course": "HIST 101"})).status_code == 202
    after = (await scripted.instance(instance)).desired_parameters
    assert after["course"] == "HIST 101"
    assert "welcome" not in after


@pytest.mark.parametrize(
    "mended",
    [
        ("runs_code: false", "runs_code: true"),
        ("{slug: small,", "{slug: tiny,"),
        ("data_classes: [public, internal, personal]", "data_classes: [public]"),
        ("place: host", "place: co-op"),
    ],
)
async def test_a_revision_that_asks_for_more_than_was_decided_is_refused(
    start: Start, world: World, tmp_path: Path, mended: tuple[str, str]
) -> None:
    await new_revision(world, tmp_path, tool_yaml=mended)
    problem(await start("upgrade"), 409, "revision-needs-a-decision")


async def test_a_tools_own_action_is_given_its_input_as_its_schema_says(
    start: Start, scripted: Scripted, tmp_path: Path, coop: Coop, client_as: ClientAs
) -> None:
    problem(await start("greet", headers={}), 409, "action-not-offered")
    playbooks = mended_playbooks(tmp_path / "next", tool_yaml=("actions:", "actions:\n  greet: {timeout_minutes: 1}"))
    folder = playbooks / "tools" / "notes"
    (folder / "greet.yml").write_text("- hosts: instance_host\n", encoding="utf-8")
    (folder / "greet.schema.json").write_text(json.dumps(GREET), encoding="utf-8")
    await scripted.world.tool("notes", playbooks=playbooks)
    await scripted.work((await start("upgrade")).json()["id"])
    assert wrong_fields(await start("greet", input={"times": 0})) == {"/input/times": "too-small"}
    run_id = (await start("greet", headers={})).json()["id"]
    assert (await scripted.run(run_id)).input["input"] == {"times": 1}
    told = (await client_as(coop.ada, language="fr").get("/v1/tools/notes/revisions/2")).json()
    assert told["action_schemas"]["greet"]["properties"]["times"]["title"] == "Fois"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"action": "update"}, {"/parameters": "required"}),
        ({"action": "verify", "parameters": {}}, {"/parameters": "not-allowed"}),
        ({"action": "update", "parameters": {}, "revision": 1}, {"/revision": "not-allowed"}),
        ({"action": "verify", "input": {}}, {"/input": "not-allowed"}),
        ({"action": "../x"}, {"/action": "wrong-pattern"}),
        ({}, {"/action": "required"}),
    ],
)
async def test_what_does_not_go_with_the_action_is_refused(
    coop: Coop, client_as: ClientAs, instance: Instance, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    headers = {"If-Match": f'"{instance.version}"'}
    answer = await client_as(coop.olga).post(f"/v1/instances/{instance.id}/runs", json=body, headers=headers)
    assert wrong_fields(answer) == wrong


async def test_a_running_instance_is_not_removed_here(start: Start, scripted: Scripted, instance: Instance) -> None:
    told = problem(await start("deprovision"), 409, "removal-elsewhere")
    assert f"/v1/instances/{instance.id}/removal" in told["detail"]
    async with scripted.world.database.begin(OPERATOR) as session:
        (await session.get_one(Instance, instance.id)).state = "failed"
    assert (await start("deprovision")).status_code == 202
    assert (await scripted.instance(instance)).state == "removing"


async def test_what_changes_an_instance_names_the_version_that_was_seen(start: Start) -> None:
    problem(await start("suspend", headers={}), 428, "version-required")
    problem(await start("suspend", headers={"If-Match": '"99"'}), 412, "stale")
    problem(await start("verify", headers={"If-Match": '"99"'}), 412, "stale")


async def test_two_at_once_get_one_winner_and_one_clear_conflict(start: Start, database: Database) -> None:
    answers = await asyncio.gather(*(start("verify", headers={}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "subject-busy")
    assert await count(database, Run.action == "verify") == 1


async def test_an_update_of_a_busy_instance_changes_nothing(
    start: Start, scripted: Scripted, instance: Instance
) -> None:
    await start("verify", headers={})
    problem(await start("update", parameters={"title": "New"}), 409, "subject-busy")
    assert (await scripted.instance(instance)).desired_parameters == instance.desired_parameters


async def test_the_same_post_again_starts_nothing_twice(start: Start, database: Database, instance: Instance) -> None:
    headers = {"Idempotency-Key": "one", "If-Match": f'"{instance.version}"'}
    answers = await asyncio.gather(*(start("update", headers=headers, parameters={"title": "New"}) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count(database, Run.action == "update") == 1
    problem(await start("update", headers=headers, parameters={"title": "Other"}), 409, "idempotency-key-reused")


async def test_members_people_may_not_and_strangers_are_told_nothing(
    coop: Coop, client_as: ClientAs, instance: Instance
) -> None:
    address = f"/v1/instances/{instance.id}/runs"
    problem(await client_as(coop.ian).post(address, json={"action": "verify"}), 403, "forbidden")
    problem(await client_as(coop.mia).post(address, json={"action": "verify"}), 404, "not-found")
