"""Holds over the API: who places and lifts them, and what those who wait read."""

import pytest
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields

EVERYTHING = {"scope": "all", "reason": "The power is cut tonight."}


async def placed(client_as: ClientAs, coop: Coop, **others: object) -> dict[str, object]:
    answer = await client_as(coop.olga).post("/v1/holds", json=EVERYTHING | others)
    assert answer.status_code == 201, answer.text
    hold: dict[str, object] = answer.json()
    return hold


async def test_a_run_under_a_hold_says_what_it_waits_for_and_why(coop: Coop, client_as: ClientAs) -> None:
    hold = await placed(client_as, coop)
    approved = await decide(client_as(coop.olga), await asked(client_as(coop.ada)), "approve")
    run_id = approved.json()["run_id"]
    (waits,) = (await client_as(coop.ada).get(f"/v1/runs/{run_id}")).json()["waits_for"]
    assert (waits["kind"], waits["scope"], waits["reason"]) == ("hold", "all", "The power is cut tonight.")
    assert waits["since"] == hold["placed_at"]
    assert (await client_as(coop.otto).delete(f"/v1/holds/{hold['id']}")).json()[
        "lifted_by"
    ] == f"person:{coop.otto.id}"
    (waits,) = (await client_as(coop.ada).get("/v1/runs")).json()["items"][0]["waits_for"]
    assert waits["kind"] == "turn"


@pytest.mark.parametrize(("scope", "target"), [("site", "vancouver"), ("host", "vancouver-1"), ("tool", "notes")])
async def test_it_names_what_it_is_on(coop: Coop, client_as: ClientAs, scope: str, target: str) -> None:
    hold = await placed(client_as, coop, scope=scope, target=target)
    assert (hold["scope"], hold["target"], hold["placed_by"]) == (scope, target, f"person:{coop.olga.id}")
    (listed,) = (await client_as(coop.otto).get("/v1/holds")).json()["items"]
    assert listed == hold


async def test_an_instance_is_held_by_its_name_or_id(coop: Coop, client_as: ClientAs) -> None:
    request = await asked(client_as(coop.ada))
    await decide(client_as(coop.olga), request, "approve")
    by_name = await placed(client_as, coop, scope="instance", target=request["hostname"])
    again = await client_as(coop.olga).post(
        "/v1/holds", json=EVERYTHING | {"scope": "instance", "target": request["instance_id"]}
    )
    problem(again, 409, "hold-stands")
    assert by_name["target"] == request["hostname"]


async def test_a_hold_that_was_lifted_is_history(coop: Coop, client_as: ClientAs) -> None:
    hold = await placed(client_as, coop)
    olga = client_as(coop.olga)
    assert (await olga.delete(f"/v1/holds/{hold['id']}")).status_code == 200
    problem(await olga.delete(f"/v1/holds/{hold['id']}"), 409, "hold-lifted")
    assert (await olga.get("/v1/holds")).json()["items"] == []
    (kept,) = (await olga.get("/v1/holds", params={"lifted": "true"})).json()["items"]
    assert kept["lifted_at"] is not None
    await placed(client_as, coop)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"scope": "all", "target": "vancouver"}, {"/target": "not-allowed"}),
        ({"scope": "site"}, {"/target": "not-allowed"}),
        ({"scope": "site", "target": "atlantis"}, {"/target": "unknown"}),
        ({"scope": "instance", "target": "'; DROP TABLE runs"}, {"/target": "unknown"}),
        ({"scope": "planet"}, {"/scope": "not-allowed"}),
        ({"scope": "all", "reason": "  "}, {"/reason": "required"}),
    ],
)
async def test_what_can_not_be_meant_is_refused_by_its_field(
    coop: Coop, client_as: ClientAs, body: dict[str, str], wrong: dict[str, str]
) -> None:
    assert wrong_fields(await client_as(coop.olga).post("/v1/holds", json=EVERYTHING | body)) == wrong


async def test_only_operators_see_and_place_them(coop: Coop, client_as: ClientAs) -> None:
    hold = await placed(client_as, coop)
    for someone in (coop.ada, coop.ian, coop.nils):
        client = client_as(someone)
        for answer in (
            await client.get("/v1/holds"),
            await client.post("/v1/holds", json=EVERYTHING),
            await client.delete(f"/v1/holds/{hold['id']}"),
        ):
            problem(answer, 403, "forbidden")
