"""What can be wrong with a request: every wrong field is told at once, each by a JSON pointer and a stable code."""

import json
from typing import Any

import httpx
import pytest
from tests.conftest import ClientAs
from tests.support.coop import Coop, problem, wish, wrong_fields
from tests.support.world import World

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def ada(coop: Coop, client_as: ClientAs) -> httpx.AsyncClient:
    return client_as(coop.ada)


@pytest.mark.parametrize(
    ("others", "pointer", "code"),
    [
        ({"tool": "nothing"}, "/tool", "unknown-tool"),
        ({"tool": "x" * 41}, "/tool", "too-long"),
        ({"tool": 7}, "/tool", "wrong-type"),
        ({"plan": "huge"}, "/plan", "unknown-plan"),
        ({"plan": None}, "/plan", "required"),
        ({"member": "nobody"}, "/member", "unknown-member"),
        ({"parameters": {}}, "/parameters/title", "required"),
        ({"parameters": {"title": "T", "pages": 51}}, "/parameters/pages", "too-large"),
        ({"parameters": {"title": "T", "pages": "9"}}, "/parameters/pages", "wrong-type"),
        ({"parameters": {"title": ""}}, "/parameters/title", "too-short"),
        ({"parameters": {"title": "<b>"}}, "/parameters/title", "wrong-pattern"),
        ({"parameters": {"title": "T", "look": {"theme": "pink"}}}, "/parameters/look/theme", "not-allowed"),
        ({"parameters": {"title": "T", "look": {"a/b~c": 1}}}, "/parameters/look/a~1b~0c", "wrong-type"),
        ({"parameters": {"title": "T", "unheard/of": 1}}, "/parameters/unheard~1of", "unknown-field"),
        ({"parameters": {"title": "T\n"}}, "/parameters/title", "wrong-characters"),
        ({"parameters": {"title": "T\x00"}}, "/parameters/title", "wrong-characters"),
        ({"parameters": ["title"]}, "/parameters", "wrong-type"),
        ({"purpose": ""}, "/purpose", "too-short"),
        ({"purpose": "  \n "}, "/purpose", "required"),
        ({"purpose": "x" * 2001}, "/purpose", "too-long"),
        ({"purpose": "x\x00"}, "/purpose", "wrong-characters"),
        ({"purpose": "x\x1b[2J"}, "/purpose", "wrong-characters"),
        ({"reference": "x\n"}, "/reference", "wrong-characters"),
        ({"reference": "x" * 101}, "/reference", "too-long"),
        ({"labels": {"UP": "x"}}, "/labels/UP", "wrong-pattern"),
        ({"labels": {"a": "x\x00"}}, "/labels/a", "wrong-characters"),
        ({"labels": {"a": 1}}, "/labels/a", "wrong-type"),
        ({"labels": {f"k{n}": "v" for n in range(21)}}, "/labels", "too-many"),
        ({"name": "-x-"}, "/name", "wrong-pattern"),
        ({"name": "x.y.z"}, "/name", "wrong-pattern"),
        ({"name": "Notes"}, "/name", "wrong-pattern"),
        ({"name": "notes\n"}, "/name", "wrong-pattern"),
        ({"name": "ab"}, "/name", "too-short"),
        ({"name": "x" * 41}, "/name", "too-long"),
        ({"name": "keycloak"}, "/name", "name-reserved"),
        ({"owner": {"name": "X", "email": "x@elsewhere.example"}}, "/owner/email", "not-a-domain-of-the-member"),
        ({"owner": {"name": "X", "email": "no address"}}, "/owner/email", "wrong-format"),
        ({"owner": {"name": "X"}}, "/owner/email", "required"),
        ({"owner": {"name": "\n", "email": "x@birch.example"}}, "/owner/name", "wrong-characters"),
        ({"until": {}}, "/until", "one-of-two"),
        ({"until": {"term": "2027-winter", "date": "2027-04-30"}}, "/until", "one-of-two"),
        ({"until": {"term": "2027-spring"}}, "/until/term", "wrong-pattern"),
        ({"until": {"term": "2020-winter"}}, "/until/term", "in-the-past"),
        ({"until": {"term": "2099-fall"}}, "/until/term", "too-far"),
        ({"until": {"date": "2020-01-01"}}, "/until/date", "in-the-past"),
        ({"until": {"date": "31.12.2027"}}, "/until/date", "wrong-format"),
        ({"language": "de"}, "/language", "not-allowed"),
        ({"unheard": 1}, "/unheard", "unknown-field"),
    ],
)
async def test_a_wrong_field_is_pointed_at(
    ada: httpx.AsyncClient, others: dict[str, Any], pointer: str, code: str
) -> None:
    found = wrong_fields(await ada.post("/v1/requests", json=wish(**others)))
    assert found[pointer] == code
    assert len(found) == 1 or code == "wrong-characters"


async def test_all_wrong_fields_are_told_at_once(ada: httpx.AsyncClient) -> None:
    body = wish(plan="huge", parameters={"title": "<", "pages": 0}, name="www", until={"term": "2020-fall"})
    assert wrong_fields(await ada.post("/v1/requests", json=body)) == {
        "/plan": "unknown-plan",
        "/parameters/title": "wrong-pattern",
        "/parameters/pages": "too-small",
        "/name": "name-reserved",
        "/until/term": "in-the-past",
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"tool=notes", id="a form"),
        pytest.param(b'{"tool": "notes"', id="half of it"),
        pytest.param(b"{'tool': 'notes'}", id="Python"),
        pytest.param(b'{"tool": "\xff\xfe"}', id="another encoding"),
        pytest.param(b"[" * 100_000, id="too many brackets"),
        pytest.param(b'{"a":' * 20_000 + b"1" + b"}" * 20_000, id="too deep"),
        pytest.param(b'{"purpose": "\\ud800"}', id="half of a character"),
        pytest.param(b'{"parameters": {"pages": NaN}}', id="no number"),
        pytest.param(b'{"parameters": {"pages": 1e999}}', id="too large a number"),
    ],
)
async def test_a_body_that_is_not_json_is_refused(ada: httpx.AsyncClient, body: bytes) -> None:
    problem(await ada.post("/v1/requests", content=body, headers=JSON), 400, "not-json")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"notes"', b"1"])
async def test_json_that_is_no_object_is_refused(ada: httpx.AsyncClient, body: bytes) -> None:
    assert wrong_fields(await ada.post("/v1/requests", content=body, headers=JSON)) == {"": "wrong-type"}


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""])
async def test_a_body_of_another_media_type_is_refused(ada: httpx.AsyncClient, media_type: str) -> None:
    answer = await ada.post("/v1/requests", content=json.dumps(wish()), headers={"Content-Type": media_type})
    problem(answer, 415, "unsupported-media-type")


async def test_a_body_of_ten_megabytes_is_refused(ada: httpx.AsyncClient) -> None:
    body = json.dumps(wish(purpose="x" * 10_000_000))
    problem(await ada.post("/v1/requests", content=body, headers=JSON), 413, "too-large")


async def test_parameters_may_be_neither_too_deep_nor_too_large(ada: httpx.AsyncClient) -> None:
    deep: dict[str, Any] = {"title": "T"}
    for _ in range(20):
        deep = {"look": deep}
    assert wrong_fields(await ada.post("/v1/requests", json=wish(parameters=deep))) == {"/parameters": "too-deep"}
    large = {"title": "T", "welcome": "x" * 70_000}
    assert wrong_fields(await ada.post("/v1/requests", json=wish(parameters=large))) == {"/parameters": "too-large"}


async def test_a_number_beyond_what_a_database_holds_is_refused(ada: httpx.AsyncClient) -> None:
    body = json.dumps(wish()).replace('"title": "Field notes"', f'"title": "T", "pages": 1{"0" * 500}')
    answer = await ada.post("/v1/requests", content=body, headers=JSON)
    assert wrong_fields(answer) == {"/parameters/pages": "too-large"}


async def test_an_owner_must_be_named_by_who_has_no_address_of_the_member(coop: Coop, client_as: ClientAs) -> None:
    for address in ("ada@elsewhere.example", None):
        answer = await client_as(coop.ada, email=address).post("/v1/requests", json=wish())
        assert wrong_fields(answer) == {"/owner": "required"}


async def test_a_withdrawn_tool_cannot_be_asked_for(world: World, ada: httpx.AsyncClient) -> None:
    await world.withdraw("notes", 1)
    assert wrong_fields(await ada.post("/v1/requests", json=wish())) == {"/tool": "unknown-tool"}


@pytest.mark.parametrize(
    ("others", "english", "french"),
    [
        (
            {"name": "History"},
            "Does not have the expected form, such as history-wiki.",
            "N’a pas la forme attendue, comme history-wiki.",
        ),
        (
            {"until": {"date": "tomorrow"}},
            "Must be a day, such as 2027-04-30.",
            "Doit être un jour, comme 2027-04-30.",
        ),
        (
            {"labels": {"Faculté": "arts"}},
            "Does not have the expected form, such as faculty.",
            "N’a pas la forme attendue, comme faculty.",
        ),
        (
            {"parameters": {"title": "T", "contact": "nobody"}},
            "Must be an e-mail address.",
            "Doit être une adresse de courriel.",
        ),
        (
            {"parameters": {"title": "T", "look": {"theme": "pink"}}},
            "Must be one of: light, dark.",
            "Doit être l’une de ces valeurs : light, dark.",
        ),
        ({"purpose": 7}, "Must be text.", "Doit être un texte."),
    ],
)
async def test_a_wrong_field_is_explained_in_words(
    coop: Coop, client_as: ClientAs, others: dict[str, Any], english: str, french: str
) -> None:
    for language, expected in (("en", english), ("fr", french)):
        answer = await client_as(coop.ada, language=language).post("/v1/requests", json=wish(**others))
        assert [field["detail"] for field in problem(answer, 400, "invalid-input")["errors"]] == [expected]


async def test_errors_are_told_in_french(coop: Coop, client_as: ClientAs) -> None:
    answer = await client_as(coop.mia, language="fr").post("/v1/requests", json=wish(plan="huge"))
    told = problem(answer, 400, "invalid-input")
    assert told["title"] == "Certains champs sont incorrects"
    assert told["errors"][0]["detail"] == "Cet outil a ces plans : small, large."
    assert answer.headers["content-language"] == "fr"
