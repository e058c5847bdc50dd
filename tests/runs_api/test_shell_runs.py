"""Runs of an operator's own shell, through the API: who may, what is told once, and who can open the secrets."""

import base64
import datetime as dt
import json
import os
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from ansible_collections.coop.catalog.plugins.plugin_utils.sealed import Envelope
from cryptography.exceptions import InvalidTag
from sqlalchemy.exc import DBAPIError
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields
from tests.support.world import World, person_id

from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR, Scope
from catalog.platform.secrets import Vault
from catalog.runs.attempts import claim_run, for_worker
from catalog.runs.outcomes import end_run
from catalog.runs.recovery import recover
from catalog.runs.shell.sealing import Sealer
from catalog.runs.tables import Run, StepTry
from catalog.settings import SecretKeys

SHELL = {"shell": "olga@laptop:1"}


class Operator:
    """An operator's shell as the API sees it."""

    def __init__(self, client: httpx.AsyncClient, instance: str) -> None:
        self.client = client
        self.instance = instance
        self.envelope = Envelope()

    async def begin(self, playbook: str = "verify", **others: Any) -> httpx.Response:
        body = {"instance": self.instance, "playbook": playbook, **SHELL, **others}
        return await self.client.post("/v1/shell-runs", json=body)

    async def attempt(self, begun: dict[str, Any], key: str | None = None) -> httpx.Response:
        return await self.call(begun, "attempt", {"public_key": self.envelope.public_key}, key)

    async def call(
        self, begun: dict[str, Any], what: str, body: object = None, key: str | None = None
    ) -> httpx.Response:
        headers = {"Run-Key": key or begun["key"]}
        return await self.client.post(f"/v1/shell-runs/{begun['run']}/{what}", json=body, headers=headers)

    async def begun(self, **others: Any) -> dict[str, Any]:
        """Begin a run and take its step."""
        answer = await self.begin(**others)
        assert answer.status_code == 201, answer.text
        begun: dict[str, Any] = answer.json()
        taken = await self.attempt(begun)
        assert taken.status_code == 201, taken.text
        return begun | taken.json()


@pytest.fixture
async def instance(coop: Coop, client_as: ClientAs, worker_database: Database) -> str:
    """A running instance of Birch's."""
    request = await asked(client_as(coop.ada))
    approved = (await decide(client_as(coop.olga), request, "approve")).json()
    async with worker_database.begin(OPERATOR) as session:
        run = await session.get_one(Run, UUID(approved["run_id"]), with_for_update=True)
        await end_run(session, run, "succeeded", None)
        return str(run.subject_id)


@pytest.fixture
async def olga(coop: Coop, client_as: ClientAs, instance: str) -> Operator:
    return Operator(client_as(coop.olga), instance)


@pytest.fixture
def sealer(worker_database: Database) -> Sealer:
    vault = Vault(SecretKeys("1", {"1": os.urandom(32)}))
    return Sealer(worker_database, vault, (), "worker-1")


def line(text: str) -> dict[str, str]:
    return {"kind": "output", "text": text}


@pytest.mark.parametrize("who", ["ada", "ian", "mia", "nils"])
async def test_only_operators_read_the_inventory_and_begin_runs(
    coop: Coop, client_as: ClientAs, instance: str, who: str
) -> None:
    shell = Operator(client_as(getattr(coop, who)), instance)
    problem(await shell.client.get("/v1/inventory"), 403, "forbidden")
    problem(await shell.begin(), 403, "forbidden")
    report = {
        "instance": instance,
        "playbook": "verify",
        **SHELL,
        "attempt": 1001,
        "started_at": now().isoformat(),
        "ended_at": now().isoformat(),
        "lines": [],
        "end": {"outcome": "done"},
    }
    problem(await shell.client.post("/v1/offline-runs", json=report), 403, "forbidden")


async def test_without_a_token_nobody_does(client_as: ClientAs) -> None:
    for method, path in (("GET", "/v1/inventory"), ("POST", "/v1/shell-runs"), ("POST", "/v1/offline-runs")):
        answer = await client_as(None).request(method, path)
        assert answer.status_code == 401


async def test_the_inventory_comes_in_pages_and_holds_no_secret(
    olga: Operator, coop: Coop, client_as: ClientAs
) -> None:
    for name in ("one", "two"):
        await decide(client_as(coop.olga), await asked(client_as(coop.ada), name=f"birch-{name}"), "approve")
    names: list[str] = []
    after = ""
    while True:
        page = (await olga.client.get(f"/v1/inventory?limit=1{after}")).json()
        names += [item["name"].partition(".")[0] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert names == ["birch-two", "birch-one", "birch-notes"]
    item = (await olga.client.get("/v1/inventory?limit=1")).json()["items"][0]
    assert set(item["variables"]) == {"instance", "parameters", "input", "sso", "tls", "ports", "paths"}
    assert "client_secret" not in item["variables"]["sso"]
    assert item["variables"]["instance"]["attempt"] == 0


async def test_a_wrong_key_opens_nothing(olga: Operator) -> None:
    begun = await olga.begun()
    for what, body in (
        ("attempt", {"public_key": olga.envelope.public_key}),
        ("secrets", None),
        ("lines", {"first": 0, "lines": []}),
        ("end", {"outcome": "done"}),
    ):
        problem(await olga.call(begun, what, body, key="wrong"), 404, "not-found")
        problem(await olga.call({**begun, "run": str(uuid4())}, what, body), 404, "not-found")


async def test_a_step_is_taken_once(olga: Operator) -> None:
    begun = await olga.begun()
    problem(await olga.attempt(begun), 409, "attempt-over")


@pytest.mark.parametrize("queues", [(), ("shell",), ("core", "site:vancouver", "shell")])
@pytest.mark.parametrize("taken", [False, True])
async def test_no_worker_takes_up_a_shells_step_whatever_it_works_for(
    olga: Operator, worker_database: Database, queues: tuple[str, ...], *, taken: bool
) -> None:
    begun = await olga.begun() if taken else (await olga.begin()).json()
    run_id = UUID(begun["run"])
    async with worker_database.begin(OPERATOR) as session:
        long_ago = now() - dt.timedelta(minutes=1)
        await session.execute(sa.update(Run).where(Run.id == run_id).values(lease_until=long_ago, due_at=long_ago))
    assert await claim_run(worker_database, run_id, worker="worker-1", may=for_worker(queues)) is None
    assert await recover(worker_database) == 0, "nor is a job made of it"


async def test_a_shell_takes_no_step_of_a_workers(olga: Operator) -> None:
    begun = (await olga.begin("provision")).json()
    told = problem(await olga.attempt(begun), 409, "step-not-due")
    assert "The step identity is done by a worker first." in told["detail"]


async def test_a_second_run_is_told_whose_the_first_is(olga: Operator) -> None:
    begun = await olga.begun()
    told = problem(await olga.begin(), 409, "subject-busy")
    assert told["detail"].startswith("Olga Operator has verify under way since ")
    assert f"(run {begun['run']}, running, shell:olga@laptop:1)" in told["detail"]


async def test_a_playbook_that_the_tool_lacks_and_a_state_that_does_not_fit_are_refused(olga: Operator) -> None:
    problem(await olga.begin("dance"), 409, "action-not-offered")
    assert wrong_fields(await olga.begin("../verify")) == {"/playbook": "wrong-pattern"}


async def test_lines_are_taken_once_whatever_is_sent_again(olga: Operator) -> None:
    begun = await olga.begun()
    two = {"first": 0, "lines": [line("a"), line("b")]}
    for _ in range(2):
        heard = (await olga.call(begun, "lines", two)).json()
        assert heard == {"lines": 2, "stop": None}
    assert (await olga.call(begun, "lines", {"first": 1, "lines": [line("b"), line("c")]})).json()["lines"] == 3
    problem(await olga.call(begun, "lines", {"first": 9, "lines": [line("z")]}), 409, "lines-missing")
    events = (await olga.client.get(f"/v1/runs/{begun['run']}/events")).json()["items"]
    assert [event["data"]["text"] for event in events if event["kind"] == "output"] == ["a", "b", "c"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


async def test_an_end_is_told_once_and_may_be_told_again(olga: Operator) -> None:
    begun = await olga.begun()
    for _ in range(2):
        ended = (await olga.call(begun, "end", {"outcome": "failed", "message": "no"})).json()
        assert ended["state"] == "failed"
    problem(await olga.call(begun, "lines", {"first": 0, "lines": []}), 409, "attempt-over")


async def test_a_shell_that_gives_up_before_its_step_cancels_the_run(olga: Operator) -> None:
    begun = (await olga.begin()).json()
    assert (await olga.call(begun, "end", {"outcome": "cancelled"})).json()["state"] == "cancelled"
    problem(await olga.attempt(begun), 409, "attempt-over")


async def test_passing_the_time_limit_is_told(olga: Operator, worker_database: Database) -> None:
    begun = await olga.begun()
    async with worker_database.begin(OPERATOR) as session:
        long_ago = now() - dt.timedelta(days=1)
        await session.execute(
            sa.update(StepTry).where(StepTry.run_id == UUID(begun["run"])).values(started_at=long_ago)
        )
    assert (await olga.call(begun, "lines", {"first": 0, "lines": []})).json()["stop"] == "time-limit"


async def test_secrets_are_sealed_for_the_shell_given_once_and_audited(
    olga: Operator, sealer: Sealer, database: Database, worker_database: Database
) -> None:
    begun = await olga.begun()
    problem(await olga.call(begun, "secrets"), 409, "secrets-not-sealed")
    await sealer.seal_due()
    sealed = (await olga.call(begun, "secrets")).json()["sealed"]
    problem(await olga.call(begun, "secrets"), 409, "secrets-fetched")
    opened = olga.envelope.open(sealed, begun["run"], begun["attempt"])
    assert opened["secrets"]
    for value in opened["secrets"].values():
        assert value in opened["hide"]
    with pytest.raises(InvalidTag):
        olga.envelope.open(sealed, begun["run"], begun["attempt"] + 1)
    with pytest.raises(InvalidTag):
        Envelope().open(sealed, begun["run"], begun["attempt"])
    async with worker_database.begin(OPERATOR) as session:
        told = await session.execute(
            sa.text("SELECT actor, details FROM audit_entries WHERE action = 'secrets.given-to-shell'")
        )
        ((actor, details),) = told.all()
    assert actor.startswith("person:")
    assert details["run_id"] == begun["run"]
    assert details["names"] == sorted(opened["secrets"])
    assert await everything_stored(database, opened["secrets"]) == []


async def test_nobody_who_has_lost_the_role_is_given_secrets(
    olga: Operator, sealer: Sealer, coop: Coop, world: World
) -> None:
    begun = await olga.begun()
    await world.revoke(coop.olga, "operator")
    await sealer.seal_due()
    problem(await olga.call(begun, "secrets"), 409, "secrets-not-sealed")


async def test_a_worker_of_another_site_seals_nothing(olga: Operator, worker_database: Database) -> None:
    begun = await olga.begun()
    vault = Vault(SecretKeys("1", {"1": os.urandom(32)}))
    await Sealer(worker_database, vault, ("core", "site:quebec"), "worker-2").seal_due()
    problem(await olga.call(begun, "secrets"), 409, "secrets-not-sealed")
    await Sealer(worker_database, vault, ("site:vancouver",), "worker-3").seal_due()
    assert (await olga.call(begun, "secrets")).status_code == 201


async def test_a_member_reads_nothing_of_a_shell_and_writes_no_try(
    olga: Operator, coop: Coop, database: Database
) -> None:
    begun = await olga.begun()
    birch = Scope(members=frozenset({coop.birch.id}), person_id=person_id(coop.ada))
    async with database.begin(birch) as session:
        assert await session.scalar(sa.text("SELECT count(*) FROM shell_runs")) == 0
        assert await session.scalar(sa.text("SELECT count(*) FROM step_tries")) == 1
        changed = await session.execute(sa.text("UPDATE step_tries SET outcome = 'done'"))
        assert changed.rowcount == 0  # type: ignore[attr-defined] # of a statement that changes rows
    for statement in (
        (
            "INSERT INTO shell_runs (run_id, member_id, shell, key_digest, lines)"
            " SELECT id, member_id, 'x', 'x', 0 FROM runs"
        ),
        (
            "INSERT INTO step_tries (run_id, position, attempt, member_id, worker, started_at)"
            " SELECT run_id, position, 99, member_id, 'x', now() FROM run_steps"
        ),
    ):
        with pytest.raises(DBAPIError):
            async with database.begin(birch) as session:
                await session.execute(sa.text(statement))
    assert (await olga.call(begun, "lines", {"first": 0, "lines": []})).status_code == 200


async def test_a_key_that_nothing_can_be_sealed_for_is_refused(olga: Operator) -> None:
    begun = (await olga.begin()).json()
    answer = await olga.call(begun, "attempt", {"public_key": base64.b64encode(bytes(32)).decode()})
    assert wrong_fields(answer) == {"/public_key": "wrong-format"}


async def test_a_report_of_what_was_done_offline_is_kept_once(olga: Operator) -> None:
    report = {
        "instance": olga.instance,
        "playbook": "verify",
        **SHELL,
        "attempt": 4321,
        "started_at": "2026-11-01T10:00:00Z",
        "ended_at": "2026-11-01T10:01:00Z",
        "lines": [line("said offline")],
        "end": {"outcome": "failed", "task": "Look", "message": "nothing there"},
    }
    first, second = [(await olga.client.post("/v1/offline-runs", json=report)).json() for _ in range(2)]
    assert first == second
    run = (await olga.client.get(f"/v1/runs/{first['run']}")).json()
    assert (run["state"], run["attempt"], run["ended_at"]) == ("failed", 4321, "2026-11-01T10:01:00Z")
    assert run["steps"][0]["tries"][0]["error"]["message"] == "nothing there"
    events = (await olga.client.get(f"/v1/runs/{first['run']}/events")).json()["items"]
    assert [event["kind"] for event in events] == ["run.started", "output", "step.failed", "run.ended"]
    problem(
        await olga.client.post("/v1/offline-runs", json={**report, "playbook": "deprovision", "attempt": 4322}),
        409,
        "not-one-playbook",
    )


async def test_every_run_of_an_instance_shows_the_line_that_does_it_again(olga: Operator, instance: str) -> None:
    checked = (await olga.begin(check=True, verbosity=2)).json()
    run = (await olga.client.get(f"/v1/runs/{checked['run']}")).json()
    assert run["check_mode"] is True
    assert run["command"] == (
        "ansible-playbook -i playbooks/inventory/catalog.yml playbooks/tools/notes/verify.yml"
        " --limit birch-notes.coop-tools.test --check -vv"
    )
    first = (await olga.client.get(f"/v1/runs?instance={instance}&action=provision")).json()["items"][0]
    provision = (await olga.client.get(f"/v1/runs/{first['id']}")).json()
    assert provision["check_mode"] is False
    assert provision["command"].split()[3] == "playbooks/tools/notes/provision.yml"


async def everything_stored(database: Database, secrets: dict[str, str]) -> list[str]:
    """Name the tables that the server may read in which a secret stands."""
    found = []
    async with database.begin(OPERATOR) as session:
        tables = await session.scalars(
            sa.text(
                "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'p') AND has_table_privilege(oid, 'SELECT')"
            )
        )
        for table in list(tables):
            rows = await session.scalars(sa.text(f"SELECT to_jsonb(t)::text FROM {table} t"))  # noqa: S608 - a table's name
            text = json.dumps(list(rows))
            found += [table for value in secrets.values() if value in text]
    return found
