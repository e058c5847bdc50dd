"""Operators look at hosts, cordon them, and have them prepared and patched; nobody else sees any of it."""

from typing import Any

import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields
from tests.support.environment import ROOT
from tests.support.world import ACTOR, World

from catalog.platform.audit import AuditEntry
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR, Scope
from catalog.runs.hosts.publishing import publish, read_automation
from catalog.runs.tables import Run
from catalog.sites.tables import Host

HOST = "/v1/hosts/vancouver-1"
FOUND: dict[str, Any] = {
    "prepare": {"prepare": {"findings": ["clock-not-kept"]}},
    "patch": {"patch": {"updates": [{"package": "a", "from": "1", "to": "2"}]}, "restart": {"restarted": True}},
}


@pytest.fixture
async def published(coop: Coop, world: World) -> Coop:
    async with world.database.begin(OPERATOR) as session:
        await publish(session, read_automation(ROOT / "playbooks"), published_by=ACTOR)
    return coop


async def ended_well(worker_database: Database, run: dict[str, Any]) -> None:
    async with worker_database.begin(OPERATOR) as session:
        ended = sa.update(Run).where(Run.id == run["id"])
        await session.execute(ended.values(state="succeeded", ended_at=now(), result=FOUND[run["action"]]))


async def test_a_host_is_shown_with_its_room_and_what_was_done_to_it(
    published: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    olga = client_as(published.olga, language="fr")
    await decide(olga, await asked(client_as(published.ada)), "approve")
    started = await olga.post(f"{HOST}/runs", json={"action": "prepare"})
    assert started.status_code == 202, started.text
    assert started.headers["location"] == f"/v1/runs/{started.json()['id']}"
    host = (await olga.get(HOST)).json()
    assert host["links"]["active_run"] == started.headers["location"]
    assert (host["state"], host["instances"], host["last_prepare"]) == ("active", 1, None)
    assert host["room"]["memory_mb"]["used"] > 0
    assert host["room"]["memory_mb"]["total"] == host["room"]["memory_mb"]["used"] + host["room"]["memory_mb"]["free"]
    await ended_well(worker_database, started.json())
    patch = await olga.post(f"{HOST}/runs", json={"action": "patch", "input": {"restart": "never"}})
    await ended_well(worker_database, patch.json())
    host = (await olga.get(HOST)).json()
    (finding,) = host["last_prepare"]["findings"]
    assert (finding["code"], finding["detail"].startswith("Rien ne tient")) == ("clock-not-kept", True)
    assert (host["last_patch"]["updates"], host["last_patch"]["restarted"]) == (1, True)
    assert host["last_patch"]["verifies"] == {
        "succeeded": 0,
        "failed": 0,
        "active": 0,
        "runs": f"/v1/runs?cause={patch.json()['id']}",
    }
    listed = (await olga.get("/v1/hosts")).json()["items"]
    assert [one["name"] for one in listed] == ["quebec-1", "vancouver-1"]
    assert listed[1] == host
    assert [run["action"] for run in (await olga.get(host["links"]["runs"])).json()["items"]] == ["patch", "prepare"]
    assert (await olga.get(host["last_patch"]["verifies"]["runs"])).json()["items"] == []


async def test_a_cordoned_host_takes_no_more_instances_and_says_why(
    published: Coop, client_as: ClientAs, database: Database
) -> None:
    olga = client_as(published.olga)
    for name in ("vancouver-1", "quebec-1"):
        answer = await olga.post(f"/v1/hosts/{name}/cordon", json={"reason": " Its fan is loud "})
        assert answer.status_code == 200, answer.text
        cordoned = answer.json()
        assert (cordoned["state"], cordoned["cordon"]["reason"]) == ("cordoned", "Its fan is loud")
    refused = await client_as(published.ada).post(
        "/v1/requests", json={"tool": "notes", "plan": "small", "purpose": "x", "parameters": {"title": "T"}}
    )
    problem(refused, 409, "no-room")
    again = await olga.post(f"{HOST}/cordon", json={"reason": "Its fan is loud"})
    assert again.json()["cordon"]["at"] <= cordoned["cordon"]["at"], "the same again changes nothing"
    assert (await olga.post(f"{HOST}/uncordon")).json()["cordon"] is None
    assert (await olga.post(f"{HOST}/uncordon")).status_code == 200
    await asked(client_as(published.ada))
    async with database.begin(OPERATOR) as session:
        told = await session.scalars(
            sa.select(AuditEntry).where(AuditEntry.action.like("host.%cordoned")).order_by(AuditEntry.id)
        )
        entries = [(entry.action, entry.details) for entry in told]
    assert entries == [
        ("host.cordoned", {"name": "vancouver-1", "reason": "Its fan is loud"}),
        ("host.cordoned", {"name": "quebec-1", "reason": "Its fan is loud"}),
        ("host.uncordoned", {"name": "vancouver-1"}),
    ]


@pytest.mark.parametrize("reason", ["", "   ", "two\nlines", "\x00", "x" * 501])
async def test_a_reason_must_say_something_on_one_line(published: Coop, client_as: ClientAs, reason: str) -> None:
    answer = await client_as(published.olga).post(f"{HOST}/cordon", json={"reason": reason})
    assert set(wrong_fields(answer)) == {"/reason"}


async def test_a_host_has_one_run_of_its_own_at_a_time_and_is_prepared_before_it_is_patched(
    published: Coop, client_as: ClientAs
) -> None:
    olga = client_as(published.olga)
    problem(await olga.post(f"{HOST}/runs", json={"action": "patch"}), 409, "host-not-prepared")
    assert (await olga.post(f"{HOST}/runs", json={"action": "prepare"})).status_code == 202
    problem(await olga.post(f"{HOST}/runs", json={"action": "prepare"}), 409, "subject-busy")


async def test_nothing_is_done_on_a_host_before_the_automation_is_published(coop: Coop, client_as: ClientAs) -> None:
    problem(await client_as(coop.olga).post(f"{HOST}/runs", json={"action": "prepare"}), 409, "hosts-not-published")


async def test_nothing_is_done_on_a_host_that_was_given_up(
    published: Coop, client_as: ClientAs, database: Database
) -> None:
    async with database.begin(OPERATOR) as session:
        await session.execute(sa.update(Host).where(Host.name == "vancouver-1").values(state="retired"))
    olga = client_as(published.olga)
    problem(await olga.post(f"{HOST}/runs", json={"action": "prepare"}), 409, "host-retired")
    problem(await olga.post(f"{HOST}/cordon", json={"reason": "x"}), 409, "host-retired")
    problem(await olga.post(f"{HOST}/uncordon"), 409, "host-retired")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"action": "erase"}, "/action"),
        ({}, "/action"),
        ({"action": "patch", "input": {"updates": "all"}}, "/input/updates"),
        ({"action": "patch", "input": {"force": True}}, "/input/force"),
        ({"action": "prepare", "input": {}}, "/input"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    published: Coop, client_as: ClientAs, body: dict[str, Any], pointer: str
) -> None:
    assert pointer in wrong_fields(await client_as(published.olga).post(f"{HOST}/runs", json=body))


async def test_only_operators_see_hosts_and_their_runs(
    published: Coop, client_as: ClientAs, database: Database
) -> None:
    run = (await client_as(published.olga).post(f"{HOST}/runs", json={"action": "prepare"})).json()
    for someone in (published.ada, published.ian, published.nils):
        client = client_as(someone)
        for path in ("/v1/hosts", HOST, f"{HOST}/runs"):
            problem(await client.get(path), 403, "forbidden")
        for path, body in (("runs", {"action": "prepare"}), ("cordon", {"reason": "x"})):
            problem(await client.post(f"{HOST}/{path}", json=body), 403, "forbidden")
        problem(await client.get(f"/v1/runs/{run['id']}"), 404, "not-found")
        assert (await client.get("/v1/runs")).json()["items"] == []
    async with database.begin(Scope(members=frozenset({published.birch.id}))) as session:
        for table in ("runs", "run_steps", "host_revisions"):
            assert await session.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 0, table  # noqa: S608 - fixed names


async def test_a_host_that_is_not_there_is_not_found(published: Coop, client_as: ClientAs) -> None:
    olga = client_as(published.olga)
    problem(await olga.get("/v1/hosts/nowhere"), 404, "not-found")
    problem(await olga.post("/v1/hosts/nowhere/runs", json={"action": "prepare"}), 404, "not-found")
