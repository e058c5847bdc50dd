"""What is due, as people read it."""

from tests.conftest import ClientAs
from tests.schedules_api.conftest import Running
from tests.support.coop import Coop, wrong_fields

from catalog.platform.db.engine import Database
from catalog.schedules.loop import run_schedules


async def test_people_read_what_is_due_for_their_members_instances_and_when(
    coop: Coop, client_as: ClientAs, running: Running, worker_database: Database
) -> None:
    own, other = await running(), await running(coop.mia)
    await run_schedules(worker_database)
    (seen,) = (await client_as(coop.ada).get("/v1/schedules")).json()["items"]
    assert (seen["instance"], seen["task"], seen["blocked"]) == (own["id"], "verify", None)
    assert (seen["member"], seen["time_zone"]) == ("birch", "America/Vancouver")
    assert seen["links"] == {"instance": f"/v1/instances/{own['id']}", "last_run": None}
    olga = client_as(coop.olga)
    assert len((await olga.get("/v1/schedules")).json()["items"]) == 2
    (narrowed,) = (await olga.get("/v1/schedules", params={"member": "maple", "task": "verify"})).json()["items"]
    assert (narrowed["instance"], narrowed["time_zone"]) == (other["id"], "America/Toronto")
    for query in ({"instance": own["id"]}, {"tool": "notes", "member": "birch"}):
        (narrowed,) = (await olga.get("/v1/schedules", params=query)).json()["items"]
        assert narrowed["instance"] == own["id"]
    assert (await olga.get("/v1/schedules", params={"blocked": "true"})).json()["items"] == []
    assert (await client_as(coop.nils).get("/v1/schedules")).json()["items"] == []


async def test_a_task_that_there_is_not_is_refused(coop: Coop, client_as: ClientAs) -> None:
    answer = await client_as(coop.ada).get("/v1/schedules", params={"task": "explode"})
    assert wrong_fields(answer) == {"?task": "not-allowed"}


async def test_a_site_says_by_which_clocks_it_lives(coop: Coop, client_as: ClientAs) -> None:
    sites = (await client_as(coop.ada).get("/v1/sites")).json()["items"]
    assert {(site["slug"], site["time_zone"]) for site in sites} == {
        ("vancouver", "America/Vancouver"),
        ("quebec", "America/Toronto"),
    }
