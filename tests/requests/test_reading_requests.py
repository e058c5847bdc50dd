"""Who reads which requests, and how lists are filtered and paged."""

import pytest
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide, problem, wrong_fields
from tests.support.world import World


async def ids(client_as: ClientAs, someone: object, **query: object) -> list[str]:
    answer = await client_as(someone).get("/v1/requests", params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_a_requester_sees_their_own_the_members_it_all_of_the_member_operators_all(
    coop: Coop, client_as: ClientAs
) -> None:
    of_ada = (await asked(client_as(coop.ada)))["id"]
    of_abe = (await asked(client_as(coop.abe)))["id"]
    of_mia = (await asked(client_as(coop.mia)))["id"]
    assert await ids(client_as, coop.ada) == [of_ada]
    assert await ids(client_as, coop.ian) == [of_abe, of_ada]
    assert await ids(client_as, coop.mia) == [of_mia]
    assert await ids(client_as, coop.olga) == [of_mia, of_abe, of_ada]
    assert await ids(client_as, coop.nils) == []


@pytest.mark.parametrize("role", ["privacy-officer", "delegate", "member-it"])
async def test_who_looks_after_the_member_reads_its_requests(
    world: World, coop: Coop, client_as: ClientAs, role: str
) -> None:
    taken = await asked(client_as(coop.ada))
    colleague = await world.person("Cleo Birch", role, member=coop.birch)
    read = await client_as(colleague).get(f"/v1/requests/{taken['id']}")
    assert read.json()["requested_by"]["name"] == "Ada Birch"


async def test_another_members_request_is_as_if_it_never_was(coop: Coop, client_as: ClientAs) -> None:
    taken = await asked(client_as(coop.ada))
    for someone in (coop.mia, coop.nils, coop.abe):
        client = client_as(someone)
        hidden = problem(await client.get(f"/v1/requests/{taken['id']}"), 404, "not-found")
        missing = problem(await client.get("/v1/requests/01890000-0000-7000-8000-000000000000"), 404, "not-found")
        assert hidden | {"request_id": ""} == missing | {"request_id": ""}


async def test_requests_are_filtered_by_what_people_look_for(coop: Coop, client_as: ClientAs) -> None:
    first = (await asked(client_as(coop.ada), reference="RITM-1", labels={"course": "hist-101", "faculty": "arts"}))[
        "id"
    ]
    second = (await asked(client_as(coop.ada), reference="RITM-2", labels={"course": "hist-102", "faculty": "arts"}))[
        "id"
    ]
    third = await asked(client_as(coop.mia), reference="RITM-1")
    await decide(client_as(coop.mia), third, "withdraw")
    assert await ids(client_as, coop.olga, reference="RITM-1") == [third["id"], first]
    assert await ids(client_as, coop.olga, reference="RITM-1", member="birch") == [first]
    assert await ids(client_as, coop.olga, state="withdrawn") == [third["id"]]
    assert await ids(client_as, coop.olga, state="submitted") == [second, first]
    assert await ids(client_as, coop.olga, tool="notes") == [third["id"], second, first]
    assert await ids(client_as, coop.olga, tool="chat") == []
    assert await ids(client_as, coop.olga, member="nobody") == []
    assert await ids(client_as, coop.olga, label="faculty:arts") == [second, first]
    assert await ids(client_as, coop.olga, label=["faculty:arts", "course:hist-101"]) == [first]
    assert await ids(client_as, coop.olga, label="course:") == []
    assert await ids(client_as, coop.ada, member="maple") == []


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"state": "lost"}, "?state", "not-allowed"),
        ({"label": "no colon"}, "?label", "wrong-pattern"),
        ({"label": "UP:x"}, "?label", "wrong-pattern"),
        ({"tool": "x" * 41}, "?tool", "not-allowed"),
        ({"reference": "\x00"}, "?reference", "not-allowed"),
        ({"member": "a\nb"}, "?member", "not-allowed"),
        ({"label": "a:\x00"}, "?label", "not-allowed"),
        ({"limit": "-1"}, "?limit", "not-allowed"),
        ({"after": "x"}, "?after", "not-allowed"),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_refused(
    coop: Coop, client_as: ClientAs, query: dict[str, str], pointer: str, code: str
) -> None:
    assert wrong_fields(await client_as(coop.ada).get("/v1/requests", params=query)) == {pointer: code}


async def test_an_unknown_state_is_answered_with_the_states_that_there_are(coop: Coop, client_as: ClientAs) -> None:
    answer = await client_as(coop.ada).get("/v1/requests", params={"state": "lost"})
    assert (
        answer.json()["errors"][0]["detail"]
        == "One of: submitted, approved, declined, withdrawn, fulfilled, abandoned."
    )


async def test_pages_stay_as_they_were_while_requests_are_added(coop: Coop, client_as: ClientAs) -> None:
    made = [(await asked(client_as(coop.ada)))["id"] for _ in range(5)]
    client = client_as(coop.ada)
    first = (await client.get("/v1/requests", params={"limit": 2})).json()
    await asked(client_as(coop.ada))
    second = (await client.get("/v1/requests", params={"limit": 2, "after": first["next"]})).json()
    third = (await client.get("/v1/requests", params={"limit": 2, "after": second["next"]})).json()
    seen = [item["id"] for page in (first, second, third) for item in page["items"]]
    assert seen == made[::-1]
    assert third["next"] is None


async def test_a_page_that_is_just_full_is_the_last(coop: Coop, client_as: ClientAs) -> None:
    for _ in range(2):
        await asked(client_as(coop.ada))
    page = (await client_as(coop.ada).get("/v1/requests", params={"limit": 2})).json()
    assert len(page["items"]) == 2
    assert page["next"] is None
