"""Maintenance windows and freezes over the API: who makes them, and who reads which."""

import datetime as dt
from typing import Any

import pytest
from tests.conftest import ClientAs
from tests.schedules_api.conftest import Running
from tests.support.coop import Coop, problem, wrong_fields
from tests.support.people import Someone

from catalog.platform.clock import now

WINDOW = {"scope": "all", "weekday": 7, "opens_at": "22:00", "closes_at": "04:00"}


def freeze(**others: Any) -> dict[str, Any]:
    usual = {
        "scope": "all",
        "reason": "Exams.",
        "starts_at": (now() - dt.timedelta(hours=1)).isoformat(),
        "ends_at": (now() + dt.timedelta(days=1)).isoformat(),
    }
    return usual | others


async def made(client_as: ClientAs, coop: Coop, address: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client_as(coop.olga).post(address, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(client_as: ClientAs, someone: Someone, address: str, **query: str) -> list[dict[str, Any]]:
    answer = await client_as(someone).get(address, params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_an_operator_makes_and_takes_them_away(coop: Coop, client_as: ClientAs) -> None:
    for address, body in (("/v1/windows", WINDOW), ("/v1/freezes", freeze())):
        one = await made(client_as, coop, address, body | {"scope": "site", "target": "vancouver"})
        assert (one["scope"], one["target"], one["made_by"]) == ("site", "vancouver", f"person:{coop.olga.id}")
        assert await read(client_as, coop.otto, address) == [one]
        client = client_as(coop.otto)
        assert (await client.delete(f"{address}/{one['id']}")).status_code == 204
        problem(await client.delete(f"{address}/{one['id']}"), 404, "not-found")
        assert await read(client_as, coop.otto, address) == []


async def test_the_same_window_again_is_a_conflict(coop: Coop, client_as: ClientAs) -> None:
    await made(client_as, coop, "/v1/windows", WINDOW)
    problem(await client_as(coop.olga).post("/v1/windows", json=WINDOW), 409, "window-stands")


async def test_only_operators_change_them(coop: Coop, client_as: ClientAs) -> None:
    for address, body in (("/v1/windows", WINDOW), ("/v1/freezes", freeze())):
        one = await made(client_as, coop, address, body)
        for someone in (coop.ada, coop.ian, coop.nils):
            client = client_as(someone)
            problem(await client.post(address, json=body), 403, "forbidden")
            problem(await client.delete(f"{address}/{one['id']}"), 403, "forbidden")


async def test_people_read_those_that_touch_their_members_instances_and_no_host(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    instance = await running()
    touching = [
        freeze(),
        freeze(scope="site", target="vancouver"),
        freeze(scope="host", target="vancouver-1"),
        freeze(scope="tool", target="notes"),
        freeze(scope="member", target="birch"),
        freeze(scope="instance", target=instance["hostname"]),
    ]
    for body in (*touching, freeze(scope="site", target="quebec"), freeze(scope="member", target="maple")):
        await made(client_as, coop, "/v1/freezes", body)
    seen = await read(client_as, coop.ada, "/v1/freezes")
    assert {(one["scope"], one["target"]) for one in seen} == {
        ("all", None),
        ("site", "vancouver"),
        ("host", None),
        ("tool", "notes"),
        ("member", "birch"),
        ("instance", instance["hostname"]),
    }
    assert {(one["scope"], one["target"]) for one in await read(client_as, coop.mia, "/v1/freezes")} == {
        ("all", None),
        ("member", "maple"),
    }
    assert await read(client_as, coop.nils, "/v1/freezes") == []
    assert len(await read(client_as, coop.olga, "/v1/freezes")) == 8


async def test_an_operator_starts_an_action_in_a_freeze_by_saying_why(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    instance = await running()
    await made(client_as, coop, "/v1/freezes", freeze())
    address = f"/v1/instances/{instance['id']}/runs"
    client = client_as(coop.olga)
    problem(await client.post(address, json={"action": "reconcile"}), 409, "changes-frozen")
    assert wrong_fields(await client.post(address, json={"action": "reconcile", "overrule": " "})) == {
        "/overrule": "required"
    }
    answer = await client.post(address, json={"action": "reconcile", "overrule": "The page leaks."})
    assert answer.status_code == 202, answer.text


async def test_a_freeze_that_is_over_is_history(coop: Coop, client_as: ClientAs) -> None:
    late = {"scope": "all", "reason": "Exams.", "starts_at": "2026-04-01T00:00:00-07:00"}
    answer = await client_as(coop.olga).post("/v1/freezes", json=late | {"ends_at": "2026-04-02T00:00:00-07:00"})
    assert wrong_fields(answer) == {"/ends_at": "in-the-past"}


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        ({"weekday": 8}, {"/weekday": "too-large"}),
        ({"opens_at": "24:00"}, {"/opens_at": "wrong-pattern"}),
        ({"opens_at": "22:00\n"}, {"/opens_at": "too-long"}),
        ({"scope": "member", "target": "birch"}, {"/scope": "not-allowed"}),
        ({"scope": "site", "target": "atlantis"}, {"/target": "unknown"}),
        ({"scope": "site", "target": "a\x00"}, {"/target": "wrong-pattern"}),
        ({"scope": "site"}, {"/target": "not-allowed"}),
        ({"target": "vancouver"}, {"/target": "not-allowed"}),
    ],
)
async def test_a_window_that_can_not_be_meant_is_refused_by_its_field(
    coop: Coop, client_as: ClientAs, others: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert wrong_fields(await client_as(coop.olga).post("/v1/windows", json=WINDOW | others)) == wrong


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        ({"starts_at": "2027-04-05T00:00:00"}, {"/starts_at": "wrong-format"}),
        ({"ends_at": "tomorrow"}, {"/ends_at": "wrong-format"}),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, {"/starts_at": "too-far"}),
        ({"ends_at": "9999-12-31T23:59:59-12:00"}, {"/ends_at": "too-far"}),
        ({"starts_at": "2028-01-01T00:00:00Z"}, {"/ends_at": "not-allowed"}),
        ({"reason": " "}, {"/reason": "required"}),
        ({"scope": "member", "target": "nobody"}, {"/target": "unknown"}),
    ],
)
async def test_a_freeze_that_can_not_be_meant_is_refused_by_its_field(
    coop: Coop, client_as: ClientAs, others: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert wrong_fields(await client_as(coop.olga).post("/v1/freezes", json=freeze(**others))) == wrong
