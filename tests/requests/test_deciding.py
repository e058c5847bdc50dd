"""Deciding a request, and taking it back: who may, what happens with it, and what is refused."""

from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields
from tests.support.world import World

from catalog.instances.tables import Hostname, Instance, Placement, Port
from catalog.platform.audit import AuditEntry
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.requests.tables import Decision
from catalog.runs.tables import Run, RunStep

REASON = {"json": {"reason": "Use the faculty’s own wiki."}}


async def test_an_approval_starts_the_run_and_says_so(coop: Coop, client_as: ClientAs) -> None:
    request = await asked(client_as(coop.ada))
    answer = await decide(client_as(coop.olga), request, "approve")
    assert answer.status_code == 200
    approved = answer.json()
    assert approved["state"] == "approved"
    assert approved["run_id"]
    assert approved["links"]["run"] == f"/v1/runs/{approved['run_id']}"
    assert approved["links"]["instance"] == f"/v1/instances/{request['instance_id']}"
    assert approved["decision"]["outcome"] == "approved"
    assert approved["decision"]["decided_by"] == {"id": str(coop.olga.id), "name": "Olga Operator"}
    assert answer.headers["etag"] == '"2"'
    run = (await client_as(coop.ada).get(approved["links"]["run"])).json()
    assert run["state"] == "queued"
    assert run["action"] == "provision"
    assert [step["name"] for step in run["steps"]] == ["identity", "provision", "verify", "publish"]
    instance = (await client_as(coop.ada).get(approved["links"]["instance"])).json()
    assert instance["state"] == "provisioning"
    assert instance["hostname"] == request["hostname"]


async def test_an_approval_reserves_place_name_and_ports(coop: Coop, client_as: ClientAs, database: Database) -> None:
    request = await asked(client_as(coop.ada))
    approved = (await decide(client_as(coop.olga), request, "approve")).json()
    instance_id = UUID(request["instance_id"])
    async with database.begin(OPERATOR) as session:
        placement = await session.get_one(Placement, instance_id)
        assert (placement.memory_mb, placement.disk_mb, placement.cpu_percent) == (256, 1024, 50)
        port = (await session.scalars(sa.select(Port).where(Port.instance_id == instance_id))).one()
        assert (port.name, port.number) == ("web", 20_000)
        name = await session.get_one(Hostname, request["hostname"])
        assert name.instance_id == instance_id
        run = await session.get_one(Run, UUID(approved["run_id"]))
        assert run.request_id == UUID(request["id"])


async def test_a_worker_is_told_of_the_run_in_the_same_transaction(
    coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    request = await asked(client_as(coop.ada))
    approved = (await decide(client_as(coop.olga), request, "approve")).json()
    async with worker_database.begin(OPERATOR) as session:
        jobs = (await session.execute(sa.text("SELECT queue_name, args FROM procrastinate_jobs"))).all()
        queues = (await session.scalars(sa.select(RunStep.queue).order_by(RunStep.position))).all()
    assert [(job.queue_name, job.args) for job in jobs] == [("core", {"run_id": approved["run_id"]})]
    assert queues == ["core", "site:vancouver", "site:vancouver", "core"]


@pytest.mark.parametrize(
    "table",
    [
        "instances",
        "hostnames",
        "placements",
        "ports",
        "runs",
        "run_steps",
        "procrastinate_jobs",
        "decisions",
        "audit_entries",
    ],
)
async def test_an_approval_happens_as_a_whole_or_not_at_all(
    coop: Coop, client_as: ClientAs, database: Database, owner_database: Database, table: str
) -> None:
    request = await asked(client_as(coop.ada))
    async with owner_database.engine.begin() as connection:
        await connection.execute(sa.text(f"ALTER TABLE {table} ADD CONSTRAINT broken CHECK (false) NOT VALID"))
    problem(await decide(client_as(coop.olga), request, "approve"), 500, "internal-error")
    async with database.begin(OPERATOR) as session:
        for made in (Instance, Placement, Port, Hostname, Run, Decision):
            assert await session.scalar(sa.select(sa.func.count()).select_from(made)) == 0
        told = await session.scalars(sa.select(AuditEntry.action).where(AuditEntry.subject_kind == "request"))
        assert told.all() == ["request.submitted"]
    read = (await client_as(coop.ada).get(f"/v1/requests/{request['id']}")).json()
    assert (read["state"], read["version"], read["decision"]) == ("submitted", 1, None)


async def test_nobody_approves_their_own(world: World, coop: Coop, client_as: ClientAs) -> None:
    await world.grant(coop.olga, "requester", coop.birch)
    request = await asked(client_as(coop.olga), owner={"name": "Ada", "email": "ada@birch.example"})
    problem(await decide(client_as(coop.olga), request, "approve"), 403, "own-request")
    problem(await decide(client_as(coop.olga), request, "decline", **REASON), 403, "own-request")
    assert (await decide(client_as(coop.otto), request, "approve")).status_code == 200


@pytest.mark.parametrize("move", ["approve", "decline"])
async def test_deciding_needs_an_operator(coop: Coop, client_as: ClientAs, move: str) -> None:
    request = await asked(client_as(coop.ada))
    for someone in (coop.ada, coop.ian):
        named = REASON if move == "decline" else {}
        told = problem(await decide(client_as(someone), request, move, **named), 403, "forbidden")
        assert told["detail"] == "This needs the role operator."


@pytest.mark.parametrize("move", ["approve", "decline", "withdraw"])
async def test_what_one_may_not_see_is_not_there(coop: Coop, client_as: ClientAs, move: str) -> None:
    request = await asked(client_as(coop.ada))
    unheard_of = {"id": "01890000-0000-7000-8000-000000000000", "version": 1}
    named = REASON if move == "decline" else {}
    for someone in (coop.mia, coop.nils, coop.abe):
        hidden = problem(await decide(client_as(someone), request, move, **named), 404, "not-found")
        missing = problem(await decide(client_as(someone), unheard_of, move, **named), 404, "not-found")
        assert hidden | {"request_id": ""} == missing | {"request_id": ""}


async def test_who_asked_reads_why_it_was_declined(coop: Coop, client_as: ClientAs) -> None:
    request = await asked(client_as(coop.ada))
    answer = await decide(client_as(coop.olga), request, "decline", **REASON)
    assert answer.json()["state"] == "declined"
    read = (await client_as(coop.ada).get(f"/v1/requests/{request['id']}")).json()
    assert read["decision"]["reason"] == "Use the faculty’s own wiki."
    assert read["decision"]["outcome"] == "declined"
    assert read["run_id"] is None
    assert read["links"]["instance"] is None


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"/reason": "required"}),
        ({"reason": ""}, {"/reason": "too-short"}),
        ({"reason": " "}, {"/reason": "required"}),
        ({"reason": "x\x00"}, {"/reason": "wrong-characters"}),
        ({"reason": "x", "why": "y"}, {"/why": "unknown-field"}),
    ],
)
async def test_a_refusal_says_why(coop: Coop, client_as: ClientAs, body: dict[str, str], wrong: dict[str, str]) -> None:
    request = await asked(client_as(coop.ada))
    assert wrong_fields(await decide(client_as(coop.olga), request, "decline", json=body)) == wrong


async def test_who_asked_or_their_it_takes_a_request_back(coop: Coop, client_as: ClientAs) -> None:
    for someone in (coop.ada, coop.ian):
        request = await asked(client_as(coop.ada))
        answer = await decide(client_as(someone), request, "withdraw")
        assert answer.json()["state"] == "withdrawn"


async def test_an_operator_does_not_take_back_what_others_asked_for(coop: Coop, client_as: ClientAs) -> None:
    request = await asked(client_as(coop.ada))
    problem(await decide(client_as(coop.olga), request, "withdraw"), 403, "forbidden")


@pytest.mark.parametrize("first", ["approve", "decline", "withdraw"])
@pytest.mark.parametrize("then", ["approve", "decline", "withdraw"])
async def test_what_was_decided_is_not_decided_again(coop: Coop, client_as: ClientAs, first: str, then: str) -> None:
    def who(move: str) -> httpx.AsyncClient:
        return client_as(coop.ada if move == "withdraw" else coop.olga)

    request = await asked(client_as(coop.ada))
    after = (await decide(who(first), request, first, **(REASON if first == "decline" else {}))).json()
    for seen in (request, after):
        answer = await decide(who(then), seen, then, **(REASON if then == "decline" else {}))
        problem(answer, 409, "request-not-open")
    assert (await client_as(coop.ada).get(f"/v1/requests/{request['id']}")).json() == after


async def test_a_second_decision_is_told_what_it_is_by_now(coop: Coop, client_as: ClientAs) -> None:
    request = await asked(client_as(coop.ada))
    await decide(client_as(coop.ada), request, "withdraw")
    answer = await decide(client_as(coop.olga, language="fr"), request, "approve")
    assert problem(answer, 409, "request-not-open")["detail"] == (
        "Elle est déjà retirée. Rien n’a été modifié; relisez-la."
    )


@pytest.mark.parametrize("move", ["approve", "decline", "withdraw"])
async def test_a_change_names_the_version_that_was_read(coop: Coop, client_as: ClientAs, move: str) -> None:
    client = client_as(coop.ada if move == "withdraw" else coop.olga)
    request = await asked(client_as(coop.ada))
    path = f"/v1/requests/{request['id']}/{move}"
    named = REASON if move == "decline" else {}
    problem(await client.post(path, **named), 428, "version-required")
    problem(await client.post(path, headers={"If-Match": "*"}, **named), 428, "version-required")
    for tag in ('"2"', "1", 'W/"1"', '"x"'):
        problem(await client.post(path, headers={"If-Match": tag}, **named), 412, "stale")
    assert (await client.post(path, headers={"If-Match": '"7", "1"'}, **named)).status_code == 200


async def test_a_revision_that_was_withdrawn_meanwhile_is_decided_anew(
    world: World, coop: Coop, client_as: ClientAs
) -> None:
    request = await asked(client_as(coop.ada))
    await world.withdraw("notes", 1)
    answer = await decide(client_as(coop.olga), request, "approve")
    assert "revision 1 of notes" in problem(answer, 409, "revision-withdrawn")["detail"]
    assert (await decide(client_as(coop.olga), request, "decline", **REASON)).status_code == 200


async def test_decisions_are_audited(coop: Coop, client_as: ClientAs, database: Database) -> None:
    approved, declined, withdrawn = [await asked(client_as(coop.ada)) for _ in range(3)]
    await decide(client_as(coop.olga), approved, "approve")
    await decide(client_as(coop.olga), declined, "decline", **REASON)
    await decide(client_as(coop.ada), withdrawn, "withdraw")
    async with database.begin(OPERATOR) as session:
        entries = (
            await session.scalars(
                sa.select(AuditEntry).where(AuditEntry.subject_kind == "request").order_by(AuditEntry.id)
            )
        ).all()
    assert [(entry.action, entry.actor) for entry in entries[3:]] == [
        ("request.approved", f"person:{coop.olga.id}"),
        ("request.declined", f"person:{coop.olga.id}"),
        ("request.withdrawn", f"person:{coop.ada.id}"),
    ]
    assert {entry.member_id for entry in entries} == {coop.birch.id}
