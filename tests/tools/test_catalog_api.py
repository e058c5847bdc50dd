"""What anybody reads of the catalog, in both languages, and how soon every server process knows of a new revision."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.conftest import ClientAs, client_of
from tests.support.coop import problem
from tests.support.world import World, mended_playbooks

DEADLINE_SECONDS = 10


@pytest.fixture
async def anybody(world: World, client_as: ClientAs) -> httpx.AsyncClient:
    """A client without a token, where the notes tool is published."""
    await world.tool("notes")
    client = client_as(None)
    await until_listed(client, "/v1/tools/notes")
    return client


async def until_listed(client: httpx.AsyncClient, path: str, **expected: Any) -> httpx.Response:
    """Ask again until the answer holds what is expected: the process learns of it by a notification."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            answer = await client.get(path)
            if answer.is_success and expected.items() <= answer.json().items():
                return answer
            await asyncio.sleep(0.02)


async def test_the_list_says_what_can_be_requested(anybody: httpx.AsyncClient) -> None:
    (tool,) = (await anybody.get("/v1/tools")).json()["items"]
    assert tool["slug"] == "notes"
    assert tool["name"] == "Notes"
    assert [plan["slug"] for plan in tool["plans"]] == ["small", "large"]
    assert tool["plans"][0]["monthly_cost_cents"] == 500
    assert tool["picture"] == {"url": "/v1/tools/notes/picture", "alt": "A sheet of paper"}


@pytest.mark.parametrize(
    ("asked_for", "language", "name"),
    [
        ("en", "en", "Notes"),
        ("fr", "fr", "Carnets"),
        ("fr-CA,en;q=0.5", "fr", "Carnets"),
        ("de, fr;q=0.3, en;q=0.2", "fr", "Carnets"),
        ("de", "en", "Notes"),
        ("nonsense;;q=x", "en", "Notes"),
    ],
)
async def test_texts_come_in_the_language_that_was_asked_for(
    anybody: httpx.AsyncClient, asked_for: str, language: str, name: str
) -> None:
    for path in ("/v1/tools", "/v1/tools/notes"):
        answer = await anybody.get(path, headers={"Accept-Language": asked_for})
        told = answer.json()
        assert (told["items"][0] if "items" in told else told)["name"] == name
        assert answer.headers["content-language"] == language
        assert answer.headers["vary"] == "Accept-Language"


async def test_a_tool_tells_what_its_automation_declares(anybody: httpx.AsyncClient) -> None:
    tool = (await anybody.get("/v1/tools/notes", headers={"Accept-Language": "fr"})).json()
    assert tool["names"] == {"en": "Notes", "fr": "Carnets"}
    assert tool["automation"]["sign_on"]["roles"] == [
        {"slug": "owner", "name": "Propriétaire"},
        {"slug": "reader", "name": "Lecteur"},
    ]
    assert tool["automation"]["residency"] == [{"component": "Pages", "place": "host"}]
    assert tool["revision"] == {"number": 1, "version": "1.0.0"}


async def test_a_copy_that_is_still_good_is_not_sent_again(anybody: httpx.AsyncClient) -> None:
    for path in ("/v1/tools", "/v1/tools/notes", "/v1/tools/notes/picture"):
        first = await anybody.get(path)
        again = await anybody.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]
        other = await anybody.get(path, headers={"If-None-Match": '"another"'})
        assert other.status_code == 200


async def test_the_two_languages_are_two_representations(anybody: httpx.AsyncClient) -> None:
    english = await anybody.get("/v1/tools")
    french = await anybody.get("/v1/tools", headers={"Accept-Language": "fr", "If-None-Match": english.headers["etag"]})
    assert french.status_code == 200
    assert french.headers["etag"] != english.headers["etag"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "shared course"}, ["notes"]),
        ({"q": "ECOLE"}, ["notes"]),
        ({"q": "chemistry"}, []),
        ({"language": "fr"}, ["notes"]),
        ({"language": "de"}, []),
        ({"q": "notes", "language": "EN"}, ["notes"]),
    ],
)
async def test_the_list_is_searched_in_both_languages(
    anybody: httpx.AsyncClient, query: dict[str, str], found: list[str]
) -> None:
    items = (await anybody.get("/v1/tools", params=query)).json()["items"]
    assert [tool["slug"] for tool in items] == found


async def test_the_picture_may_load_and_run_nothing(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/v1/tools/notes/picture")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert b"<svg" in answer.content
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/tools/nothing",
        "/v1/tools/nothing/picture",
        "/v1/tools/nothing/revisions",
        "/v1/tools/nothing/revisions/1",
        "/v1/tools/notes/revisions/2",
        "/v1/tools/notes/revisions/0",
        "/v1/tools/notes/revisions/99999999999999999999",
        "/v1/tools/%00/revisions",
        "/v1/tools/%0A/revisions/1",
    ],
)
async def test_what_is_not_there_is_not_found(anybody: httpx.AsyncClient, path: str) -> None:
    problem(await anybody.get(path), 404, "not-found")


async def test_a_revision_shows_the_form_of_its_parameters_in_one_language(anybody: httpx.AsyncClient) -> None:
    revision = (await anybody.get("/v1/tools/notes/revisions/1", headers={"Accept-Language": "fr"})).json()
    schema = revision["parameters_schema"]
    assert schema["properties"]["title"]["title"] == "Titre"
    assert "x-fr" not in schema["properties"]["title"]
    assert schema["additionalProperties"] is False
    assert revision["state"] == "current"


async def test_a_new_revision_reaches_every_server_process(
    anybody: httpx.AsyncClient, new_server: Callable[[], Awaitable[Litestar]], world: World, tmp_path: Path
) -> None:
    async with client_of(await new_server(), {}) as elsewhere:
        before = await anybody.get("/v1/tools/notes")
        assert (await elsewhere.get("/v1/tools/notes")).headers["etag"] == before.headers["etag"]
        await world.tool("notes", playbooks=mended_playbooks(tmp_path, tool_yaml=("people: 30", "people: 31")))
        expected = {"revision": {"number": 2, "version": "1.0.0"}}
        for client in (anybody, elsewhere):
            after = await until_listed(client, "/v1/tools/notes", **expected)
            assert after.json()["automation"]["plans"][0]["people"] == 31
            unchanged = {"If-None-Match": before.headers["etag"]}
            assert (await client.get("/v1/tools/notes", headers=unchanged)).status_code == 200
    items = (await anybody.get("/v1/tools/notes/revisions")).json()["items"]
    assert [(item["number"], item["state"]) for item in items] == [(2, "current"), (1, "superseded")]


async def test_a_mended_text_is_shown_without_a_new_revision(
    anybody: httpx.AsyncClient, world: World, tmp_path: Path
) -> None:
    playbooks = mended_playbooks(tmp_path, tool_yaml=("Shared notes for a course.", "Common notes of a course."))
    await world.tool("notes", playbooks=playbooks)
    after = await until_listed(anybody, "/v1/tools/notes", summary="Common notes of a course.")
    assert after.json()["revision"]["number"] == 1


async def test_a_tool_whose_last_revision_was_withdrawn_is_not_listed_but_still_told_of(
    anybody: httpx.AsyncClient, world: World
) -> None:
    await world.withdraw("notes", 1)
    await until_listed(anybody, "/v1/tools/notes", revision=None)
    assert (await anybody.get("/v1/tools")).json()["items"] == []
    (revision,) = (await anybody.get("/v1/tools/notes/revisions")).json()["items"]
    assert revision["state"] == "withdrawn"


async def test_a_withdrawn_revision_names_its_successor(
    anybody: httpx.AsyncClient, world: World, tmp_path: Path
) -> None:
    await world.tool("notes", playbooks=mended_playbooks(tmp_path, tool_yaml=("people: 30", "people: 31")))
    await world.withdraw("notes", 1, 2)
    assert (await anybody.get("/v1/tools/notes/revisions/1")).json()["successor"] == 2
