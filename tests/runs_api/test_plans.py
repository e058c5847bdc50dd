"""Plans as operators ask for them: what is refused, and what a run gives out of what it found."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields
from tests.support.runs import end
from tests.support.world import World, mended_playbooks

from catalog.instances.tables import Instance
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.tables import RunStep

FOUND: dict[str, dict[str, Any]] = {
    "compare-sign-on": {
        "differences": [{"code": "client-role", "name": "reader", "found": None, "wanted": "reader"}],
    },
    "compare-host": {
        "comparison": {
            "changes": [
                {
                    "task": "Write the settings",
                    "role": None,
                    "files": ["/srv/coop/i1/settings.json"],
                    "units": [{"unit": "i1-notes.service", "what": "restart"}],
                    "diff": "+title",
                }
            ],
            "unpredicted": [{"task": "Tidy up", "role": "fence"}],
            "changed_by_hand": [],
        },
    },
}


@pytest.fixture
async def running(coop: Coop, client_as: ClientAs, worker_database: Database) -> str:
    """An instance of Ada's that was set up."""
    request = await asked(client_as(coop.ada))
    approved = (await decide(client_as(coop.olga), request, "approve")).json()
    await end(worker_database, approved["run_id"], "succeeded")
    async with worker_database.begin(OPERATOR) as session:
        instance = (await session.scalars(sa.select(Instance))).one()
        instance.state, instance.applied_at = "running", now()
        instance.applied_revision_id = instance.desired_revision_id
        instance.applied_parameters = instance.desired_parameters
    return str(request["instance_id"])


async def planned(client_as: ClientAs, coop: Coop, instance: str, **body: Any) -> dict[str, Any]:
    answer = await client_as(coop.olga).post(f"/v1/instances/{instance}/plan", json=body)
    assert answer.status_code == 202, answer.text
    run: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/runs/{run['id']}"
    return run


async def test_a_plan_is_a_run_that_says_of_what_and_compares(coop: Coop, client_as: ClientAs, running: str) -> None:
    run = await planned(client_as, coop, running, action="update", parameters={"title": "Other notes"})
    assert (run["action"], run["state"]) == ("plan", "queued")
    assert [step["name"] for step in run["steps"]] == ["compare-sign-on", "compare-host"]
    compared = run["comparison"]
    assert (compared["of"], compared["parameters"]["title"]) == ("update", "Other notes")
    assert (compared["sign_on"], compared["host"]) == (None, None)
    instance = (await client_as(coop.ada).get(f"/v1/instances/{running}")).json()
    assert instance["desired"]["parameters"]["title"] == "Field notes", "nothing of the instance was changed"


async def test_what_was_found_is_told_in_the_readers_language(
    coop: Coop, client_as: ClientAs, worker_database: Database, running: str
) -> None:
    run = await planned(client_as, coop, running, action="reconcile")
    async with worker_database.begin(OPERATOR) as session:
        for step in await session.scalars(sa.select(RunStep).where(RunStep.run_id == run["id"])):
            step.state, step.output = "done", FOUND[step.name]
    await end(worker_database, run["id"], "succeeded")
    compared = (await client_as(coop.ada, language="fr").get(f"/v1/runs/{run['id']}")).json()["comparison"]
    assert compared["sign_on"] == [
        {"code": "client-role", "name": "reader", "found": None, "wanted": "reader", "title": "Un rôle diffère"}
    ]
    assert compared["host"] == FOUND["compare-host"]["comparison"]


async def test_nothing_else_acts_on_the_instance_while_it_is_planned(
    coop: Coop, client_as: ClientAs, running: str
) -> None:
    await planned(client_as, coop, running, action="reconcile")
    again = await client_as(coop.olga).post(f"/v1/instances/{running}/plan", json={"action": "reconcile"})
    problem(again, 409, "subject-busy")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"action": "update"}, {"/parameters": "required"}),
        ({"action": "update", "parameters": {"title": "x" * 61}}, {"/parameters/title": "too-long"}),
        ({"action": "update", "parameters": {"titel": "x"}}, {"/parameters/titel": "unknown-field"}),
        ({"action": "update", "parameters": {"pages": 20}}, {"/parameters/pages": "not-changeable"}),
        ({"action": "update", "parameters": {"title": "x"}, "revision": 1}, {"/revision": "not-allowed"}),
        ({"action": "reconcile", "parameters": {"title": "x"}}, {"/parameters": "not-allowed"}),
        ({"action": "upgrade", "revision": 7}, {"/revision": "unknown-revision"}),
        ({"action": "upgrade", "revision": 0}, {"/revision": "too-small"}),
        ({"action": "deprovision"}, {"/action": "not-allowed"}),
        ({}, {"/action": "required"}),
    ],
)
async def test_what_cannot_be_planned_is_refused_field_by_field(
    coop: Coop, client_as: ClientAs, running: str, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    answer = await client_as(coop.olga).post(f"/v1/instances/{running}/plan", json=body)
    assert wrong_fields(answer) == wrong


async def test_an_upgrade_is_planned_with_the_parameters_that_the_newer_revision_asks_for(
    coop: Coop, client_as: ClientAs, world: World, running: str, tmp_path: Path
) -> None:
    newer = ('"required": ["title"]', '"required": ["title", "contact"]')
    await world.tool(playbooks=mended_playbooks(tmp_path, parameters_schema_json=newer))
    operator = client_as(coop.olga)
    lacking = await operator.post(f"/v1/instances/{running}/plan", json={"action": "upgrade"})
    assert wrong_fields(lacking) == {"/parameters/contact": "required"}
    run = await planned(client_as, coop, running, action="upgrade", parameters={"contact": "help@birch.example"})
    revisions = (await operator.get("/v1/tools/notes/revisions")).json()["items"]
    assert run["comparison"]["revision_id"] == revisions[0]["id"]
    assert revisions[0]["number"] == 2


async def test_plans_are_for_operators_and_of_what_is_there(coop: Coop, client_as: ClientAs, running: str) -> None:
    body = {"action": "reconcile"}
    problem(await client_as(coop.ian).post(f"/v1/instances/{running}/plan", json=body), 403, "forbidden")
    problem(await client_as(coop.mia).post(f"/v1/instances/{running}/plan", json=body), 404, "not-found")
    request = await asked(client_as(coop.mia))
    await decide(client_as(coop.olga), request, "approve")
    first = await client_as(coop.olga).post(f"/v1/instances/{request['instance_id']}/plan", json=body)
    problem(first, 409, "instance-not-ready")


async def test_whoever_decides_sees_what_approving_would_set_up(coop: Coop, client_as: ClientAs) -> None:
    request = await asked(client_as(coop.ada), name="history")
    answer = await client_as(coop.olga, language="fr").get(f"/v1/requests/{request['id']}/plan")
    assert answer.status_code == 200, answer.text
    plan = answer.json()
    assert plan["site"]["name"] == "Centre de données Vancouver"
    assert (plan["hostname"], plan["ports"]) == ("history.coop-tools.test", ["web"])
    assert plan["client"] == {
        "client_id": f"instance-{request['instance_id']}",
        "redirect_uris": ["https://history.coop-tools.test/sign-in/callback"],
        "post_logout_uris": ["https://history.coop-tools.test/"],
        "roles": ["owner", "reader"],
        "default_role": "reader",
    }
    assert plan["share"] == {"memory_mb": 256, "disk_mb": 1024, "cpu_percent": 50}
    assert plan["steps"] == ["identity", "provision", "verify", "publish"]
    assert {"task": "Say who stands here", "role": "fence", "conditional": False} in plan["tasks"]
    problem(await client_as(coop.mia).get(f"/v1/requests/{request['id']}/plan"), 404, "not-found")
