"""Removing, taking back and extending over the API: who may, what they read, and what stands in the way."""

import asyncio
import datetime as dt
from typing import Any

import httpx
from tests.conftest import ClientAs
from tests.schedules_api.conftest import Running
from tests.support.coop import Coop, problem, wrong_fields
from tests.support.runs import end

from catalog.instances.terms import next_term_end
from catalog.platform.clock import now
from catalog.platform.db.engine import Database

WHY = {"reason": "The course is over."}
FREEZE = {"scope": "all", "reason": "Exams.", "starts_at": "2026-01-01T00:00:00-05:00"}


def match(instance: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{instance["version"]}"'}


def until() -> str:
    return (now() + dt.timedelta(days=3)).isoformat()


async def removal(client: httpx.AsyncClient, instance: dict[str, Any], **others: Any) -> httpx.Response:
    return await client.post(f"/v1/instances/{instance['id']}/removal", json=WHY | others, headers=match(instance))


async def test_the_members_it_removes_and_reads_when_it_is_purged(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    instance = await running()
    answer = await removal(client_as(coop.ian), instance)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert answer.headers["etag"] == f'"{told["version"]}"' != f'"{instance["version"]}"'
    assert told["removal"]["reason"] == WHY["reason"]
    assert (told["removal"]["asked_by"], told["removal"]["suspends"]) == (f"person:{coop.ian.id}", True)
    purge_at = dt.datetime.fromisoformat(told["removal"]["purge_at"])
    assert abs(purge_at - now() - dt.timedelta(days=30)) < dt.timedelta(minutes=5)
    (run,) = (await client_as(coop.ada).get("/v1/runs", params={"action": "suspend"})).json()["items"]
    assert run["requested_by"] == f"person:{coop.ian.id}"


async def test_it_is_taken_back_once_its_suspension_has_ended(
    coop: Coop, client_as: ClientAs, running: Running, worker_database: Database
) -> None:
    instance = await running()
    removed = (await removal(client_as(coop.ian), instance)).json()
    address = f"/v1/instances/{instance['id']}/removal"
    client = client_as(coop.ian)
    problem(await client.delete(address, headers=match(removed)), 409, "subject-busy")
    (run,) = (await client.get("/v1/runs", params={"action": "suspend"})).json()["items"]
    await end(worker_database, run["id"], "succeeded")
    answer = await client.delete(address, headers=match(removed))
    assert (answer.status_code, answer.json()["removal"]) == (202, None)
    problem(await client.delete(address, headers=match(answer.json())), 409, "no-removal")


async def test_only_operators_and_the_members_it_remove_and_take_back(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    instance = await running()
    address = f"/v1/instances/{instance['id']}/removal"
    for someone, status, code in (
        (coop.ada, 403, "forbidden"),
        (coop.mia, 404, "not-found"),
        (coop.nils, 404, "not-found"),
    ):
        client = client_as(someone)
        problem(await removal(client, instance), status, code)
        problem(await client.delete(address, headers=match(instance)), status, code)
    assert (await removal(client_as(coop.olga), instance)).status_code == 202


async def test_twice_at_once_there_is_one_winner_and_one_clear_conflict(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    instance = await running()
    answers = await asyncio.gather(*(removal(client_as(one), instance) for one in (coop.ian, coop.olga)))
    first, second = sorted(answers, key=lambda answer: answer.status_code)
    assert first.status_code == 202
    problem(second, 409, "removal-stands")


async def test_no_change_overwrites_what_its_author_has_not_seen(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    instance = await running(ends_on=now().date() + dt.timedelta(days=30))
    client = client_as(coop.olga)
    for path in ("removal", "extension"):
        body = WHY if path == "removal" else {}
        address = f"/v1/instances/{instance['id']}/{path}"
        problem(await client.post(address, json=body), 428, "version-required")
        problem(await client.post(address, json=body, headers={"If-Match": '"999"'}), 412, "stale")


async def test_a_freeze_refuses_a_removal_and_an_operator_overrules_it_with_a_reason(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    instance = await running()
    olga, ian = client_as(coop.olga), client_as(coop.ian, language="fr")
    freeze = (await olga.post("/v1/freezes", json=FREEZE | {"ends_at": until()})).json()
    told = problem(await removal(ian, instance), 409, "changes-frozen")
    assert told["title"] == "Rien ne peut changer pour le moment"
    assert freeze["id"] in told["detail"]
    problem(await removal(ian, instance, overrule="I want to."), 403, "forbidden")
    problem(await removal(olga, instance), 409, "changes-frozen")
    assert (await removal(olga, instance, overrule="It was broken into.")).status_code == 202


async def test_what_is_wrong_with_a_removal_is_told_by_its_field(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    instance = await running()
    client = client_as(coop.ian)
    assert wrong_fields(await removal(client, instance, reason="  ")) == {"/reason": "required"}
    assert wrong_fields(await removal(client, instance, reason="a\x00b")) == {"/reason": "wrong-characters"}
    assert wrong_fields(await removal(client, instance, more=1)) == {"/more": "unknown-field"}


async def test_the_owners_side_extends_with_one_click_and_reads_what_comes_of_it(
    coop: Coop, client_as: ClientAs, running: Running
) -> None:
    last = now().date() + dt.timedelta(days=30)
    instance = await running(ends_on=last)
    assert instance["ending"]["extends_to"] == next_term_end(last).isoformat()
    address = f"/v1/instances/{instance['id']}/extension"
    problem(await client_as(coop.mia).post(address, json={}, headers=match(instance)), 404, "not-found")
    for someone in (coop.ada, coop.ian):
        answer = await client_as(someone).post(address, json={}, headers=match(instance))
        assert answer.status_code == 200, answer.text
        extended = answer.json()
        assert extended["ends_on"] == instance["ending"]["extends_to"]
        instance = extended
    too_far = {"date": (now().date() + dt.timedelta(days=400)).isoformat()}
    answer = await client_as(coop.olga).post(address, json=too_far, headers=match(instance))
    assert wrong_fields(answer) == {"/date": "too-far"}


async def test_without_a_last_day_there_is_nothing_to_extend(coop: Coop, client_as: ClientAs, running: Running) -> None:
    instance = await running()
    assert (instance["ends_on"], instance["ending"]) == (None, None)
    answer = await client_as(coop.ada).post(
        f"/v1/instances/{instance['id']}/extension", json={}, headers=match(instance)
    )
    problem(answer, 409, "no-end-date")
