"""A POST that is sent again with its Idempotency-Key makes nothing twice."""

import asyncio
import json

import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, decide, problem, wish

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.requests.tables import Request

KEY = {"Idempotency-Key": "0c5e2bd0-1f5a-4a55-9df2-1f3e3a3b0a11"}


async def count_requests(database: Database) -> int:
    async with database.begin(OPERATOR) as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(Request)) or 0


async def test_the_same_body_again_gives_the_same_request(coop: Coop, client_as: ClientAs, database: Database) -> None:
    client = client_as(coop.ada)
    first = await client.post("/v1/requests", json=wish(), headers=KEY)
    again = await client.post("/v1/requests", json=wish(), headers=KEY)
    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert await count_requests(database) == 1


async def test_the_same_body_may_be_spelled_differently(coop: Coop, client_as: ClientAs, database: Database) -> None:
    client = client_as(coop.ada)
    first = await client.post("/v1/requests", json=wish(labels={"a": "1", "b": "2"}), headers=KEY)
    reordered = dict(reversed(wish(labels={"b": "2", "a": "1"}).items()))
    spelled = json.dumps(reordered, indent=3, ensure_ascii=True)
    again = await client.post("/v1/requests", content=spelled, headers=KEY | {"Content-Type": "application/json"})
    assert again.json()["id"] == first.json()["id"]
    assert await count_requests(database) == 1


async def test_another_body_under_the_key_is_a_conflict(coop: Coop, client_as: ClientAs, database: Database) -> None:
    client = client_as(coop.ada)
    await client.post("/v1/requests", json=wish(), headers=KEY)
    answer = await client.post("/v1/requests", json=wish(purpose="Something else"), headers=KEY)
    problem(answer, 409, "idempotency-key-reused")
    assert await count_requests(database) == 1


async def test_two_at_once_make_one_request(coop: Coop, client_as: ClientAs, database: Database) -> None:
    client = client_as(coop.ada)
    answers = await asyncio.gather(*(client.post("/v1/requests", json=wish(), headers=KEY) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count_requests(database) == 1


async def test_two_bodies_at_once_get_one_winner(coop: Coop, client_as: ClientAs, database: Database) -> None:
    client = client_as(coop.ada)
    answers = await asyncio.gather(
        *(client.post("/v1/requests", json=wish(purpose=f"Purpose {n}"), headers=KEY) for n in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    assert await count_requests(database) == 1


async def test_a_key_is_one_persons_own(coop: Coop, client_as: ClientAs) -> None:
    first = await client_as(coop.ada).post("/v1/requests", json=wish(), headers=KEY)
    other = await client_as(coop.ian).post("/v1/requests", json=wish(), headers=KEY)
    assert other.status_code == 202
    assert other.json()["id"] != first.json()["id"]


async def test_a_repeat_gives_the_request_as_it_is_by_then(coop: Coop, client_as: ClientAs) -> None:
    client = client_as(coop.ada)
    first = await client.post("/v1/requests", json=wish(), headers=KEY)
    await decide(client, first.json(), "withdraw")
    again = await client.post("/v1/requests", json=wish(), headers=KEY)
    assert again.status_code == 202
    assert again.json()["state"] == "withdrawn"
    assert again.headers["etag"] == '"2"'


async def test_a_refused_request_leaves_its_key_free(coop: Coop, client_as: ClientAs) -> None:
    client = client_as(coop.ada)
    problem(await client.post("/v1/requests", json=wish(plan="huge"), headers=KEY), 400, "invalid-input")
    assert (await client.post("/v1/requests", json=wish(), headers=KEY)).status_code == 202


async def test_a_dry_run_takes_no_key(coop: Coop, client_as: ClientAs) -> None:
    client = client_as(coop.ada)
    await client.post("/v1/requests", params={"dry_run": "true"}, json=wish(), headers=KEY)
    assert (await client.post("/v1/requests", json=wish(purpose="Another"), headers=KEY)).status_code == 202


async def test_a_key_is_visible_characters_and_not_too_many(coop: Coop, client_as: ClientAs) -> None:
    for key in ("", "with space", "x" * 256, "é"):
        answer = await client_as(coop.ada).post(
            "/v1/requests", json=wish(), headers={b"Idempotency-Key": key.encode("latin-1")}
        )
        problem(answer, 400, "idempotency-key-malformed")
