"""Orphans as operators read them."""

import datetime as dt

import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, problem

from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.failures import TIMED_OUT
from catalog.runs.orphans.tables import Orphan, Survey
from catalog.sites.tables import Host


async def written(worker_database: Database) -> None:
    """Leave what a worker found: a client, and something on one host; the other host did not answer."""
    async with worker_database.begin(OPERATOR) as session:
        first, second = await session.scalars(sa.select(Host).order_by(Host.name))
        later = now() + dt.timedelta(hours=1)
        session.add(Survey(place="sign-on", due_at=later, looked_at=now()))
        session.add(Survey(place=str(first.id), host_id=first.id, due_at=later, looked_at=now()))
        session.add(Survey(place=str(second.id), host_id=second.id, due_at=later, error=TIMED_OUT.as_json()))
        await session.flush()
        session.add(Orphan(place="sign-on", name="instance-1", why="unknown", found=[]))
        paths = ["/srv/coop/i0123456789ab"]
        session.add(Orphan(place=str(first.id), name="i0123456789ab", why="removed", found=paths))


async def test_operators_see_what_was_found_where_and_when_it_was_looked(
    coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    await written(worker_database)
    answer = await client_as(coop.olga, language="fr").get("/v1/orphans")
    assert answer.status_code == 200, answer.text
    listed = answer.json()
    assert [(one["kind"], one["host"], one["name"], one["why"], one["found"]) for one in listed["items"]] == [
        ("instance", "quebec-1", "i0123456789ab", "removed", ["/srv/coop/i0123456789ab"]),
        ("client", None, "instance-1", "unknown", []),
    ]
    assert [(one["host"], one["looked_at"] is None) for one in listed["surveys"]] == [
        (None, False),
        ("quebec-1", False),
        ("vancouver-1", True),
    ]
    assert listed["surveys"][2]["error"]["title"] == "L’étape a pris trop de temps"


async def test_a_page_ends_where_it_is_to_and_the_next_goes_on(
    coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    await written(worker_database)
    operator = client_as(coop.olga)
    first = (await operator.get("/v1/orphans", params={"limit": 1})).json()
    rest = (await operator.get("/v1/orphans", params={"limit": 1, "after": first["next"]})).json()
    assert [one["kind"] for one in (*first["items"], *rest["items"])] == ["instance", "client"]
    assert rest["next"] is None


async def test_an_operator_has_everything_looked_over_now(
    coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    await written(worker_database)
    assert (await client_as(coop.olga).post("/v1/orphans/look")).status_code == 202
    async with worker_database.begin(OPERATOR) as session:
        due = await session.scalars(sa.select(Survey.due_at <= sa.func.clock_timestamp()))
        assert due.all() == [True, True, True]


async def test_nobody_else_may_look(coop: Coop, client_as: ClientAs, worker_database: Database) -> None:
    await written(worker_database)
    for someone in (coop.ada, coop.ian, coop.nils):
        problem(await client_as(someone).get("/v1/orphans"), 403, "forbidden")
        problem(await client_as(someone).post("/v1/orphans/look"), 403, "forbidden")
