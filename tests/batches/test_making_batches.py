"""Batches over the API: which instances they are for, what they would do, and who may make and steer them."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from tests.batches.conftest import Fleet, Wiki
from tests.conftest import ClientAs
from tests.support.coop import Coop, problem, wrong_fields

from catalog.batches.tables import Batch, BatchItem
from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import NOBODY, OPERATOR, Scope

BODY: dict[str, Any] = {"action": "verify", "filter": {}, "reason": "A test."}


async def count(database: Database, scope: Scope = OPERATOR) -> tuple[int, int]:
    async with database.begin(scope) as session:
        batches = await session.scalar(sa.select(sa.func.count()).select_from(Batch)) or 0
        return batches, await session.scalar(sa.select(sa.func.count()).select_from(BatchItem)) or 0


async def chosen(fleet: Fleet, **wanted: Any) -> set[str]:
    answer = await fleet.post(filter=wanted, params={"dry_run": "true"})
    assert answer.status_code == 200, answer.text
    return {one["hostname"].partition(".")[0] for one in answer.json()["instances"]}


async def test_the_answer_says_where_the_batch_is_and_what_it_is_to_do(fleet: Fleet, wiki: Wiki, coop: Coop) -> None:
    await wiki("wiki")
    answer = await fleet.post(action="update", filter={"tool": "notes"}, parameters={"title": "New"}, wave=7)
    batch = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/batches/{batch['id']}")
    assert answer.headers["retry-after"] == "5"
    assert (batch["state"], batch["total"], batch["counts"]) == ("running", 1, {"pending": 1})
    assert (batch["first"], batch["wave"], batch["stop_at_percent"]) == (1, 7, 10)
    assert (batch["parameters"], batch["filter"]) == ({"title": "New"}, {"tool": "notes"})
    assert (batch["requested_by"], batch["reason"]) == (f"person:{coop.olga.id}", "A test.")
    assert (await fleet.operator.get("/v1/batches", params={"state": "running"})).json()["items"] == [batch]
    assert (await fleet.operator.get("/v1/batches", params={"state": "done"})).json()["items"] == []


async def test_a_filter_takes_what_fits_all_of_it(fleet: Fleet, wiki: Wiki) -> None:
    await wiki("plain")
    await wiki("labelled", labels={"course": "hist-101", "year": "2026"})
    await wiki("maple", at="maple", labels={"course": "hist-101"})
    await wiki("new", applied_revision_id=None, state="failed")
    await wiki("removed", state="removed")
    assert await chosen(fleet) == {"plain", "labelled", "maple", "new"}
    assert await chosen(fleet, member="maple") == {"maple"}
    assert await chosen(fleet, site="vancouver") == {"plain", "labelled", "new"}
    assert await chosen(fleet, labels={"course": "hist-101"}) == {"labelled", "maple"}
    assert await chosen(fleet, labels={"course": "hist-101"}, site="quebec") == {"maple"}
    assert await chosen(fleet, tool="notes", revision=1) == {"plain", "labelled", "maple"}
    assert await chosen(fleet, state="failed") == {"new"}


async def test_a_dry_run_says_what_would_become_of_each_and_saves_nothing(
    fleet: Fleet, wiki: Wiki, database: Database
) -> None:
    busy = await wiki("busy")
    await wiki("free")
    await wiki("removing", state="removing")
    await fleet.scripted.start(busy, "verify")
    answer = await fleet.post(params={"dry_run": "true"})
    foreseen = answer.json()
    assert foreseen["counts"] == {"begin": 1, "wait": 1, "leave-out": 1}
    would = {one["hostname"].partition(".")[0]: one for one in foreseen["instances"]}
    assert (would["free"]["would"], would["free"]["problem"]) == ("begin", None)
    assert (would["busy"]["would"], would["busy"]["problem"]["code"]) == ("wait", "subject-busy")
    assert (would["removing"]["would"], would["removing"]["problem"]["code"]) == ("leave-out", "instance-not-ready")
    assert await count(database) == (0, 0)


async def test_a_filter_that_fits_nothing_is_refused(fleet: Fleet, wiki: Wiki, database: Database) -> None:
    await wiki("removed", state="removed")
    problem(await fleet.post(), 409, "batch-empty")
    problem(await fleet.post(params={"dry_run": "true"}), 409, "batch-empty")
    problem(await fleet.post(filter={"member": "nobody"}), 409, "batch-empty")
    assert await count(database) == (0, 0)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"action": "deprovision"}, {"/action": "not-allowed"}),
        ({"action": "update"}, {"/parameters": "required", "/filter/tool": "required"}),
        ({"action": "upgrade"}, {"/filter/tool": "required"}),
        ({"action": "reindex"}, {"/filter/tool": "required"}),
        ({"filter": {"tool": "nonsense"}}, {"/filter/tool": "unknown-tool"}),
        ({"filter": {"revision": 1}}, {"/filter/tool": "required"}),
        ({"filter": {"colour": "red"}}, {"/filter/colour": "unknown-field"}),
        ({"filter": {"member": "a\u0000"}}, {"/filter/member": "wrong-pattern"}),
        ({"filter": {"labels": {"A B": "x"}}}, {"/filter/labels/A B": "wrong-pattern"}),
        ({"action": "upgrade", "filter": {"tool": "notes"}, "revision": 9}, {"/revision": "unknown-revision"}),
        ({"reason": "  "}, {"/reason": "required"}),
        ({"reason": "a\u0000"}, {"/reason": "wrong-pattern"}),
        ({"first": 0}, {"/first": "too-small"}),
        ({"wave": 101}, {"/wave": "too-large"}),
        ({"stop_at_percent": 101}, {"/stop_at_percent": "too-large"}),
    ],
)
async def test_what_is_wrong_is_told_with_a_pointer(
    fleet: Fleet, wiki: Wiki, fields: dict[str, Any], wrong: dict[str, str]
) -> None:
    await wiki("wiki")
    assert wrong_fields(await fleet.post(**fields)) == wrong


async def test_an_upgrade_goes_to_the_revision_that_was_current_then(fleet: Fleet, wiki: Wiki) -> None:
    await wiki("wiki", applied_revision_id=None)
    assert (await fleet.make(action="upgrade", filter={"tool": "notes"}))["revision"] == 1


async def test_the_same_post_again_makes_nothing_twice(fleet: Fleet, wiki: Wiki, database: Database) -> None:
    await wiki("wiki")
    key = {"Idempotency-Key": "one"}
    made = await asyncio.gather(*(fleet.make(headers=key) for _ in range(3)))
    assert len({batch["id"] for batch in made}) == 1
    assert await count(database) == (1, 1)
    problem(await fleet.post(headers=key, wave=3), 409, "idempotency-key-reused")


async def test_a_paused_batch_begins_no_wave_until_it_is_resumed(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(2):
        await wiki(f"wiki-{number}")
    batch = await fleet.make()
    assert (await told(fleet, batch, "pause"))["state"] == "paused"
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"pending": 2}
    problem(await fleet.operator.post(f"{batch['links']['self']}/pause"), 409, "batch-not-in-state")
    assert (await told(fleet, batch, "resume"))["state"] == "running"
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"pending": 1, "queued": 1}


async def test_a_cancelled_batch_takes_back_what_has_not_begun_and_leaves_the_rest_to_end(
    fleet: Fleet, wiki: Wiki
) -> None:
    for number in range(4):
        await wiki(f"wiki-{number}")
    batch = await fleet.make(first=2)
    await fleet.advance()
    first, _ = await fleet.items(batch, state="queued")
    await fleet.scripted.change(first["run"].rpartition("/")[2], state="running", attempt=1)
    cancelled = await told(fleet, batch, "cancel")
    assert (cancelled["state"], cancelled["counts"]) == ("cancelled", {"running": 1, "cancelled": 1, "left-out": 2})
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == cancelled["counts"]
    for move in ("cancel", "pause", "resume"):
        problem(await fleet.operator.post(f"{batch['links']['self']}/{move}"), 409, "batch-not-in-state")


async def test_those_that_failed_alone_are_run_again_and_once(fleet: Fleet, wiki: Wiki, database: Database) -> None:
    for number in range(4):
        await wiki(f"wiki-{number}")
    await wiki("removing", state="removing")
    fleet.failing = {"wiki-1", "wiki-3"}
    batch = await fleet.make(first=4, wave=3, stop_at_percent=100)
    address = f"{batch['links']['self']}/retry"
    await fleet.advance()
    problem(await fleet.operator.post(address), 409, "batch-not-ended")
    await fleet.work()
    await fleet.advance()
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"succeeded": 2, "failed": 2, "left-out": 1}
    fleet.failing = set()
    answers = await asyncio.gather(*(fleet.operator.post(address) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
    again = next(answer.json() for answer in answers if answer.status_code == 202)
    assert {item["hostname"].partition(".")[0] for item in await fleet.items(again)} == {"wiki-1", "wiki-3"}
    assert (again["wave"], again["links"]["retry_of"]) == (3, batch["links"]["self"])
    assert (await fleet.read(batch))["links"]["retried_by"] == again["links"]["self"]
    assert again["id"] in problem(await fleet.operator.post(address), 409, "batch-retried")["detail"]
    await fleet.advance()
    await fleet.work()
    await fleet.advance()
    assert (await fleet.read(again))["counts"] == {"succeeded": 2}
    problem(await fleet.operator.post(f"{again['links']['self']}/retry"), 409, "nothing-failed")
    assert await count(database) == (2, 7)


async def test_the_instances_come_in_pages_and_by_how_they_stand(fleet: Fleet, wiki: Wiki) -> None:
    for number in range(5):
        await wiki(f"wiki-{number}")
    batch = await fleet.make()
    await fleet.advance()
    seen: list[str] = []
    after: str | None = None
    while True:
        query = {"limit": "2"} | ({} if after is None else {"after": after})
        page = (await fleet.operator.get(batch["links"]["items"], params=query)).json()
        seen += [item["hostname"].partition(".")[0] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [f"wiki-{number}" for number in reversed(range(5))]
    (begun,) = await fleet.items(batch, state="queued")
    assert (begun["hostname"].partition(".")[0], begun["wave"], begun["member"]) == ("wiki-0", 1, "birch")
    assert len(await fleet.items(batch, state="pending")) == 4


async def test_operators_alone_see_and_steer_batches(fleet: Fleet, wiki: Wiki, coop: Coop, client_as: ClientAs) -> None:
    await wiki("wiki")
    batch = await fleet.make()
    await fleet.advance()
    here = batch["links"]["self"]
    for someone in (coop.ada, coop.ian, coop.nils):
        client = client_as(someone)
        problem(await client.post("/v1/batches", json=BODY), 403, "forbidden")
        for address in ("/v1/batches", here, f"{here}/items"):
            problem(await client.get(address), 403, "forbidden")
        for move in ("pause", "resume", "cancel", "retry"):
            problem(await client.post(f"{here}/{move}"), 403, "forbidden")
    problem(await fleet.operator.get("/v1/batches/019a0000-0000-7000-8000-000000000000"), 404, "not-found")
    (run,) = (await client_as(coop.ada).get("/v1/runs")).json()["items"]
    assert run["batch"] is None, "what else is in the batch is not the member's to know"


async def test_the_database_itself_hides_batches_from_members(
    fleet: Fleet, wiki: Wiki, coop: Coop, database: Database
) -> None:
    await wiki("wiki")
    await fleet.make()
    assert await count(database) == (1, 1)
    assert await count(database, NOBODY) == (0, 0)
    assert await count(database, Scope(members=frozenset({coop.birch.id}))) == (0, 0)


async def test_thousands_are_frozen_and_counted_in_a_few_statements(
    fleet: Fleet, wiki: Wiki, database: Database
) -> None:
    pattern = await wiki("pattern")
    columns = [column.name for column in Instance.__table__.columns if column.name not in {"id", "hostname"}]
    listed = ", ".join(columns)
    async with database.begin(OPERATOR) as session:
        await session.execute(
            sa.text(
                f"INSERT INTO instances (id, hostname, {listed})"  # noqa: S608 - the table's own columns
                f" SELECT gen_random_uuid(), 'many-' || number, {listed}"
                " FROM instances, generate_series(2, 5000) AS number WHERE id = :pattern"
            ),
            {"pattern": pattern.id},
        )
    foreseen = (await fleet.post(params={"dry_run": "true"})).json()
    assert (foreseen["total"], foreseen["counts"]) == (5000, {"begin": 5000})
    batch = await fleet.make(stop_at_percent=0)
    statements: list[str] = []

    @sa.event.listens_for(fleet.database.engine.sync_engine, "before_cursor_execute")
    def seen(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        statements.append(statement)

    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"pending": 4999, "queued": 1}
    (item,) = await fleet.items(batch, state="queued")
    await fleet.scripted.cancel(item["run"].rpartition("/")[2], "now")
    await fleet.advance()
    assert (await fleet.read(batch))["counts"] == {"cancelled": 1, "left-out": 4999}
    assert len(statements) < 50


async def told(fleet: Fleet, batch: dict[str, Any], move: str) -> dict[str, Any]:
    """Steer a batch; give what it is then."""
    answer = await fleet.operator.post(f"{batch['links']['self']}/{move}")
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read
