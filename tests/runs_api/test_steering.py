"""Steering runs over the API: who may stop, retry and give up, and what they are told."""

import pytest
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields
from tests.support.runs import fail_second_step

from catalog.platform.db.engine import Database

MOVES = {"cancel": {}, "retry": {}, "abandon": None}


@pytest.fixture
async def run_id(client_as: ClientAs, coop: Coop) -> str:
    approved = await decide(client_as(coop.olga), await asked(client_as(coop.ada)), "approve")
    return str(approved.json()["run_id"])


async def test_an_operator_stops_a_run_that_has_not_begun(coop: Coop, client_as: ClientAs, run_id: str) -> None:
    answer = await client_as(coop.olga, language="fr").post(f"/v1/runs/{run_id}/cancel", json={"stop": "now"})
    assert answer.status_code == 202
    run = answer.json()
    assert (run["state"], run["error"]["title"]) == ("cancelled", "L’exécution a été annulée")
    read = (await client_as(coop.ada).get(f"/v1/runs/{run_id}")).json()
    assert read["error"]["code"] == "cancelled"


async def test_an_operator_tries_a_run_again_and_gives_it_up(
    coop: Coop, client_as: ClientAs, worker_database: Database, run_id: str
) -> None:
    await fail_second_step(worker_database, run_id)
    olga = client_as(coop.olga)
    again = await olga.post(f"/v1/runs/{run_id}/retry", json={"verbosity": 4})
    assert (again.status_code, again.json()["state"], again.json()["error"]) == (202, "queued", None)
    busy = problem(await olga.post(f"/v1/runs/{run_id}/abandon"), 409, "run-not-ended")
    assert "queued" in busy["detail"]
    await fail_second_step_again(worker_database, run_id)
    given_up = (await olga.post(f"/v1/runs/{run_id}/abandon")).json()
    assert (given_up["state"], given_up["undoes"]) == ("queued", True)
    assert [step["name"] for step in given_up["steps"]][-3:] == ["deprovision", "remove-identity", "release"]


async def fail_second_step_again(worker_database: Database, run_id: str) -> None:
    from tests.support.runs import end

    await end(worker_database, run_id, "failed", error=True)


@pytest.mark.parametrize("move", MOVES)
async def test_members_people_may_not_and_strangers_are_told_nothing(
    coop: Coop, client_as: ClientAs, run_id: str, move: str
) -> None:
    for someone in (coop.ada, coop.ian):
        refused = await client_as(someone).post(f"/v1/runs/{run_id}/{move}", json=MOVES[move])
        assert "operator" in problem(refused, 403, "forbidden")["detail"]
    for someone in (coop.mia, coop.nils):
        problem(await client_as(someone).post(f"/v1/runs/{run_id}/{move}", json=MOVES[move]), 404, "not-found")
    assert (await client_as(coop.ada).get(f"/v1/runs/{run_id}")).json()["state"] == "queued"


async def test_what_can_not_be_meant_is_refused_by_its_field(coop: Coop, client_as: ClientAs, run_id: str) -> None:
    olga = client_as(coop.olga)
    assert wrong_fields(await olga.post(f"/v1/runs/{run_id}/cancel", json={"stop": "soon"})) == {"/stop": "not-allowed"}
    assert set(wrong_fields(await olga.post(f"/v1/runs/{run_id}/retry", json={"verbosity": 5}))) == {"/verbosity"}


async def test_two_who_stop_it_at_once_get_one_end(coop: Coop, client_as: ClientAs, run_id: str) -> None:
    import asyncio

    answers = await asyncio.gather(
        *(client_as(who).post(f"/v1/runs/{run_id}/cancel", json={"stop": "now"}) for who in (coop.olga, coop.otto))
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    story = (await client_as(coop.olga).get(f"/v1/runs/{run_id}/events")).json()["items"]
    assert [event["kind"] for event in story] == ["run.ended"]
