"""Asking for an instance: what is taken, what the answer says, and what a dry run says without saving anything."""

import datetime as dt

import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, problem, wish, wrong_fields
from tests.support.world import World

from catalog.platform.audit import AuditEntry
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.requests.tables import Request


async def test_a_request_is_taken_and_waits_for_a_decision(coop: Coop, client_as: ClientAs) -> None:
    answer = await client_as(coop.ada).post(
        "/v1/requests", json=wish(reference="RITM-1", labels={"course": "hist-101"})
    )
    assert answer.status_code == 202
    taken = answer.json()
    assert answer.headers["location"] == f"/v1/requests/{taken['id']}"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["etag"] == '"1"'
    assert taken["state"] == "submitted"
    assert taken["instance_id"]
    assert taken["run_id"] is None
    assert taken["reference"] == "RITM-1"
    assert taken["labels"] == {"course": "hist-101"}
    assert taken["member"]["alias"] == "birch"
    assert taken["decided_by"] == ["operator"]
    read = await client_as(coop.ada).get(answer.headers["location"])
    assert read.json() == taken
    assert read.headers["etag"] == '"1"'


async def test_the_request_says_where_it_would_stand_before_anybody_decides(coop: Coop, client_as: ClientAs) -> None:
    taken = await asked(client_as(coop.ada))
    assert taken["site"] == {
        "slug": "vancouver",
        "name": "Vancouver data centre",
        "city": "Vancouver",
        "province": "BC",
        "operator": "Made-up Hosting Co-operative",
    }


async def test_what_is_left_out_is_filled_in(coop: Coop, client_as: ClientAs) -> None:
    taken = await asked(client_as(coop.ada, language="fr"))
    assert taken["parameters"] == {"title": "Field notes", "welcome": "", "pages": 10, "look": {"theme": "light"}}
    assert taken["hostname"] == "birch-notes.coop-tools.test"
    assert taken["url"] == "https://birch-notes.coop-tools.test"
    assert taken["owner"] == {"name": "Ada Birch", "email": coop.ada.email}
    assert taken["language"] == "fr"
    assert taken["until"] is None


async def test_everything_can_be_said(coop: Coop, client_as: ClientAs) -> None:
    year = now().year + 1
    taken = await asked(
        client_as(coop.ada),
        member="birch",
        name="history-notes",
        owner={"name": "Zoë Ünal", "email": "zoe@birch.example"},
        until={"term": f"{year}-winter"},
        language="fr",
    )
    assert taken["hostname"] == "history-notes.coop-tools.test"
    assert taken["owner"] == {"name": "Zoë Ünal", "email": "zoe@birch.example"}
    assert taken["until"] == {"date": f"{year}-04-30", "term": f"{year}-winter", "term_name": f"Winter {year}"}
    assert taken["language"] == "fr"


async def test_an_end_can_be_a_day(coop: Coop, client_as: ClientAs) -> None:
    day = (now().date() + dt.timedelta(days=100)).isoformat()
    taken = await asked(client_as(coop.ada), until={"date": day})
    assert taken["until"] == {"date": day, "term": None, "term_name": None}


async def test_two_requests_of_one_member_get_two_names(coop: Coop, client_as: ClientAs) -> None:
    first, second = await asked(client_as(coop.ada)), await asked(client_as(coop.ian))
    assert [first["hostname"], second["hostname"]] == ["birch-notes.coop-tools.test", "birch-notes-2.coop-tools.test"]


async def test_a_dry_run_says_where_it_would_stand_and_who_decides_and_saves_nothing(
    coop: Coop, client_as: ClientAs, database: Database
) -> None:
    answer = await client_as(coop.ada).post("/v1/requests", params={"dry_run": "true"}, json=wish())
    assert answer.status_code == 200
    told = answer.json()
    assert told["site"]["city"] == "Vancouver"
    assert told["decided_by"] == ["operator"]
    assert told["hostname"] == "birch-notes.coop-tools.test"
    assert told["parameters"]["pages"] == 10
    assert "id" not in told
    assert "location" not in answer.headers
    async with database.begin(OPERATOR) as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Request)) == 0
        assert await session.scalar(sa.select(sa.func.count()).where(AuditEntry.subject_kind == "request")) == 0


async def test_a_dry_run_refuses_what_a_request_would(coop: Coop, client_as: ClientAs) -> None:
    answer = await client_as(coop.ada).post("/v1/requests", params={"dry_run": "true"}, json=wish(plan="huge"))
    assert wrong_fields(answer) == {"/plan": "unknown-plan"}


async def test_the_audit_trail_tells_of_it_with_the_request_id_of_the_call(
    coop: Coop, client_as: ClientAs, database: Database
) -> None:
    answer = await client_as(coop.ada).post("/v1/requests", json=wish())
    async with database.begin(OPERATOR) as session:
        entry = (await session.scalars(sa.select(AuditEntry).where(AuditEntry.subject_kind == "request"))).one()
    assert entry.action == "request.submitted"
    assert entry.actor == f"person:{coop.ada.id}"
    assert entry.member_id == coop.birch.id
    assert entry.subject_id == answer.json()["id"]
    assert entry.request_id == answer.headers["x-request-id"]


async def test_who_asks_for_two_members_names_one(world: World, coop: Coop, client_as: ClientAs) -> None:
    await world.grant(coop.ada, "requester", coop.maple)
    answer = await client_as(coop.ada).post("/v1/requests", json=wish())
    assert wrong_fields(answer) == {"/member": "required"}
    taken = await client_as(coop.ada).post(
        "/v1/requests", json=wish(member="maple", owner={"name": "Mia", "email": "mia@maple.example"})
    )
    assert taken.json()["member"]["alias"] == "maple"


async def test_who_may_not_ask_is_told_which_role_it_needs(coop: Coop, client_as: ClientAs) -> None:
    for someone, member in ((coop.nils, None), (coop.olga, None), (coop.mia, "birch"), (coop.nils, "maple")):
        answer = await client_as(someone).post("/v1/requests", json=wish(member=member))
        assert problem(answer, 403, "forbidden")["detail"] == "This needs the role requester."


async def test_text_that_looks_like_a_program_is_kept_as_it_was_typed(coop: Coop, client_as: ClientAs) -> None:
    hostile = """{{ lookup('pipe', 'id') }} $(id) `id` '"; DROP TABLE requests; -- ${IFS} %s \\n {% raw %} 🦫"""
    taken = await asked(
        client_as(coop.ada),
        purpose=f"{hostile}\n\tsecond line",
        parameters={"title": hostile[:40], "welcome": f"{hostile}\n{hostile}"},
        reference=hostile,
        labels={"note": hostile[:100]},
        owner={"name": hostile, "email": "o'brien+{{x}}@birch.example"},
    )
    read = (await client_as(coop.ian).get(f"/v1/requests/{taken['id']}")).json()
    assert read["purpose"] == f"{hostile}\n\tsecond line"
    assert read["parameters"]["title"] == hostile[:40]
    assert read["parameters"]["welcome"] == f"{hostile}\n{hostile}"
    assert read["reference"] == hostile
    assert read["labels"] == {"note": hostile[:100]}
    assert read["owner"]["name"] == hostile
