"""Instances as people of their member read them."""

import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields
from tests.support.people import Someone

from catalog.instances.tables import Instance
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.sites.tables import Host


async def instance_of(client_as: ClientAs, coop: Coop, someone: Someone, **others: object) -> str:
    request = await asked(client_as(someone), **others)
    approved = await decide(client_as(coop.olga), request, "approve")
    assert approved.status_code == 200, approved.text
    return str(request["instance_id"])


async def found(client_as: ClientAs, someone: Someone, **query: object) -> list[str]:
    answer = await client_as(someone).get("/v1/instances", params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_an_instance_says_where_it_stands_and_what_it_should_be(coop: Coop, client_as: ClientAs) -> None:
    instance_id = await instance_of(client_as, coop, coop.ada, name="history", reference="RITM-7")
    answer = await client_as(coop.ian, language="fr").get(f"/v1/instances/{instance_id}")
    instance = answer.json()
    assert instance["state"] == "provisioning"
    assert instance["url"] == "https://history.coop-tools.test"
    assert instance["site"]["name"] == "Centre de données Vancouver"
    assert instance["desired"]["number"] == 1
    assert instance["desired"]["parameters"]["title"] == "Field notes"
    assert instance["applied"] is None
    assert instance["reference"] == "RITM-7"
    assert instance["links"]["runs"] == f"/v1/runs?instance={instance_id}"
    assert answer.headers["etag"] == f'"{instance["version"]}"'
    assert answer.headers["content-language"] == "fr"


async def test_what_runs_is_told_beside_what_was_decided(
    coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    instance_id = await instance_of(client_as, coop, coop.ada)
    async with worker_database.begin(OPERATOR) as session:
        instance = (await session.scalars(sa.select(Instance))).one()
        instance.state, instance.applied_at = "running", now()
        instance.applied_revision_id, instance.applied_parameters = instance.desired_revision_id, {"title": "Old"}
        instance.attention = "changed-by-hand"
    read = (await client_as(coop.ada).get(f"/v1/instances/{instance_id}")).json()
    assert read["state"] == "running"
    assert read["applied"] == {"number": 1, "version": "1.0.0", "parameters": {"title": "Old"}}
    assert read["attention"] == "changed-by-hand"


async def test_nothing_of_the_host_is_told(coop: Coop, client_as: ClientAs, database: Database) -> None:
    instance_id = await instance_of(client_as, coop, coop.ada)
    async with database.begin(OPERATOR) as session:
        hosts = (await session.scalars(sa.select(Host))).all()
    for someone in (coop.ada, coop.olga):
        text = (await client_as(someone).get(f"/v1/instances/{instance_id}")).text
        for host in hosts:
            for told in (host.address, host.ssh_host_key, str(host.id), f'"{host.name}"'):
                assert told not in text


async def test_another_members_instance_is_as_if_it_never_was(coop: Coop, client_as: ClientAs) -> None:
    instance_id = await instance_of(client_as, coop, coop.ada)
    for someone in (coop.mia, coop.nils):
        client = client_as(someone)
        hidden = problem(await client.get(f"/v1/instances/{instance_id}"), 404, "not-found")
        missing = problem(await client.get("/v1/instances/01890000-0000-7000-8000-000000000000"), 404, "not-found")
        assert hidden | {"request_id": ""} == missing | {"request_id": ""}
        assert await found(client_as, someone) == []


async def test_instances_are_filtered_by_what_people_look_for(
    coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    first = await instance_of(client_as, coop, coop.ada, name="history", reference="A", labels={"faculty": "arts"})
    second = await instance_of(client_as, coop, coop.ada, name="physics", reference="B")
    third = await instance_of(client_as, coop, coop.mia, name="histoire")
    async with worker_database.begin(OPERATOR) as session:
        await session.execute(
            sa.update(Instance).where(Instance.hostname.startswith("physics")).values(state="running")
        )
    assert await found(client_as, coop.olga) == [third, second, first]
    assert await found(client_as, coop.ada) == [second, first]
    assert await found(client_as, coop.olga, state="running") == [second]
    assert await found(client_as, coop.olga, member="maple") == [third]
    assert await found(client_as, coop.olga, tool="notes", reference="A") == [first]
    assert await found(client_as, coop.olga, label="faculty:arts") == [first]
    assert await found(client_as, coop.olga, q="HIST") == [third, first]
    assert await found(client_as, coop.olga, q="%") == []
    assert await found(client_as, coop.olga, q="_") == []


async def test_instances_come_in_pages(coop: Coop, client_as: ClientAs) -> None:
    made = [await instance_of(client_as, coop, coop.ada) for _ in range(3)]
    client = client_as(coop.ada)
    first = (await client.get("/v1/instances", params={"limit": 2})).json()
    second = (await client.get("/v1/instances", params={"limit": 2, "after": first["next"]})).json()
    assert [item["id"] for page in (first, second) for item in page["items"]] == made[::-1]
    assert second["next"] is None


async def test_a_state_that_there_is_not_is_refused(coop: Coop, client_as: ClientAs) -> None:
    answer = await client_as(coop.ada).get("/v1/instances", params={"state": "lost", "q": "\x00"})
    assert wrong_fields(answer) == {"?state": "not-allowed", "?q": "not-allowed"}
