"""Runs as people read them: steps, tries, errors that they can act on, and lists."""

import pytest
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields
from tests.support.people import Someone
from tests.support.runs import end, fail_second_step

from catalog.platform.db.engine import Database


async def run_of(client_as: ClientAs, coop: Coop, someone: Someone) -> str:
    approved = await decide(client_as(coop.olga), await asked(client_as(someone)), "approve")
    return str(approved.json()["run_id"])


async def found(client_as: ClientAs, someone: Someone, **query: object) -> list[str]:
    answer = await client_as(someone).get("/v1/runs", params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_a_run_that_failed_says_which_task_and_what_it_said(
    coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    run_id = await run_of(client_as, coop, coop.ada)
    await fail_second_step(worker_database, run_id)
    run = (await client_as(coop.ada, language="fr").get(f"/v1/runs/{run_id}")).json()
    assert run["state"] == "failed"
    assert run["error"] == {
        "code": "playbook-failed",
        "title": "Le livret a échoué",
        "detail": "Voyez ses dernières lignes.",
        "step": "provision",
        "task": "Install DokuWiki",
        "host": None,
        "message": "No package matching 'dokuwiki' is available",
    }
    assert [(step["name"], step["state"]) for step in run["steps"]] == [
        ("identity", "done"),
        ("provision", "failed"),
        ("verify", "pending"),
        ("publish", "pending"),
    ]
    (tried,) = run["steps"][1]["tries"]
    assert (tried["attempt"], tried["outcome"], tried["error"]["code"]) == (2, "failed", "playbook-failed")


async def test_operators_read_on_which_host_it_was(coop: Coop, client_as: ClientAs, worker_database: Database) -> None:
    run_id = await run_of(client_as, coop, coop.ada)
    await fail_second_step(worker_database, run_id)
    run = (await client_as(coop.olga).get(f"/v1/runs/{run_id}")).json()
    assert run["error"]["host"] == "vancouver-1"
    assert run["error"]["title"] == "The playbook failed"


async def test_another_members_run_is_as_if_it_never_was(coop: Coop, client_as: ClientAs) -> None:
    run_id = await run_of(client_as, coop, coop.ada)
    for someone in (coop.mia, coop.nils):
        client = client_as(someone)
        for tail in ("", "/events"):
            hidden = problem(await client.get(f"/v1/runs/{run_id}{tail}"), 404, "not-found")
            missing = problem(
                await client.get(f"/v1/runs/01890000-0000-7000-8000-000000000000{tail}"), 404, "not-found"
            )
            assert hidden | {"request_id": ""} == missing | {"request_id": ""}
        assert await found(client_as, someone) == []


async def test_runs_are_filtered_by_what_people_look_for(
    coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    first, second = await run_of(client_as, coop, coop.ada), await run_of(client_as, coop, coop.mia)
    await end(worker_database, first, "succeeded")
    run = (await client_as(coop.ada).get(f"/v1/runs/{first}")).json()
    assert await found(client_as, coop.olga) == [second, first]
    assert await found(client_as, coop.olga, state="succeeded") == [first]
    assert await found(client_as, coop.olga, action="provision", member="maple") == [second]
    assert await found(client_as, coop.olga, tool="notes") == [second, first]
    assert await found(client_as, coop.olga, instance=run["subject"]["id"]) == [first]
    assert await found(client_as, coop.olga, request=run["links"]["request"].rsplit("/", 1)[1]) == [first]
    assert await found(client_as, coop.ada) == [first]
    assert await found(client_as, coop.olga, limit=1) == [second]
    assert await found(client_as, coop.olga, limit=1, after=second) == [first]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"state": "lost"}, "?state"),
        ({"instance": "x"}, "?instance"),
        ({"request": "x"}, "?request"),
        ({"action": "\x00"}, "?action"),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_refused(
    coop: Coop, client_as: ClientAs, query: dict[str, str], pointer: str
) -> None:
    assert wrong_fields(await client_as(coop.ada).get("/v1/runs", params=query)) == {pointer: "not-allowed"}
