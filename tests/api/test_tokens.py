"""Who is let in: access tokens alone, of our issuer, for our API, given to our clients, good at this moment."""

import base64
import hmac
import json
import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.conftest import ClientAs
from tests.support.coop import Coop, problem
from tests.support.issuer import Issuer
from tests.support.world import World

PATH = "/v1/members"


async def called(client_as: ClientAs, token: str, scheme: str = "Bearer") -> httpx.Response:
    return await client_as(None).get(PATH, headers={"Authorization": f"{scheme} {token}"})


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_an_access_token_lets_its_person_in(coop: Coop, client_as: ClientAs) -> None:
    assert (await client_as(coop.ada).get(PATH)).status_code == 200


async def test_without_a_token_the_answer_says_how_to_send_one(client_as: ClientAs) -> None:
    answer = await client_as(None, language="fr").get(PATH)
    told = problem(answer, 401, "sign-in-required")
    assert told["title"] == "Connectez-vous d’abord"
    assert answer.headers["www-authenticate"] == 'Bearer realm="catalog"'


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": int(time.time()) - 60}, id="expired"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"nbf": int(time.time()) + 600}, id="not yet valid"),
        pytest.param({"iat": int(time.time()) + 600}, id="issued in the future"),
        pytest.param({"aud": "another-api"}, id="for another audience"),
        pytest.param({"aud": None}, id="for no audience"),
        pytest.param({"iss": "https://elsewhere.example/realms/coop"}, id="of another issuer"),
        pytest.param({"typ": "ID"}, id="an ID token"),
        pytest.param({"typ": "Refresh"}, id="a refresh token"),
        pytest.param({"typ": None}, id="of no kind"),
        pytest.param({"azp": "some-wiki"}, id="given to an instance's client"),
        pytest.param({"azp": None}, id="given to nobody"),
        pytest.param({"sub": None}, id="about nobody"),
    ],
)
async def test_a_token_that_is_not_good_here_is_refused(
    coop: Coop, client_as: ClientAs, issuer: Issuer, claims: dict[str, Any]
) -> None:
    answer = await called(client_as, issuer.token(coop.ada, **claims))
    problem(answer, 401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="catalog", error="invalid_token"'


async def test_our_audience_may_be_one_of_several(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    token = issuer.token(coop.ada, aud=["account", "catalog-api"])
    assert (await called(client_as, token)).status_code == 200


async def test_a_token_without_a_signature_is_refused(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    for header in ({"alg": "none"}, {"alg": "none", "kid": issuer.key.kid}, {"alg": "None", "kid": issuer.key.kid}):
        unsigned = f"{encoded(header)}.{encoded(issuer.claims(coop.ada))}."
        problem(await called(client_as, unsigned), 401, "invalid_token")


async def test_our_public_key_is_no_shared_secret(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    for public in (issuer.key.as_pem(private=False), json.dumps(issuer.key.as_dict(private=False)).encode()):
        signed = f"{encoded({'alg': 'HS256', 'kid': issuer.key.kid})}.{encoded(issuer.claims(coop.ada))}"
        signature = base64.urlsafe_b64encode(hmac.digest(public, signed.encode(), "sha256")).rstrip(b"=").decode()
        problem(await called(client_as, f"{signed}.{signature}"), 401, "invalid_token")


async def test_a_token_of_another_key_is_refused(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    other = RSAKey.generate_key(2048, {"kid": issuer.key.kid})
    problem(await called(client_as, issuer.signed(issuer.claims(coop.ada), key=other)), 401, "invalid_token")
    problem(await called(client_as, issuer.signed(issuer.claims(coop.ada), kid="unheard-of")), 401, "invalid_token")


async def test_a_token_must_name_its_key(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    nameless = jwt.encode({"alg": "RS256"}, issuer.claims(coop.ada), issuer.key)
    problem(await called(client_as, nameless), 401, "invalid_token")


async def test_an_altered_token_is_refused(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    header, body, signature = issuer.token(coop.ada).split(".")
    other = issuer.token(coop.olga).split(".")[1]
    for token in (f"{header}.{other}.{signature}", f"{header}.{body}", f"{header}.{body}.", "a.b.c", "x" * 20_000):
        problem(await called(client_as, token), 401, "invalid_token")


async def test_only_bearer_tokens_in_the_header_count(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    token = issuer.token(coop.ada)
    problem(await called(client_as, token, scheme="Basic"), 401, "invalid_token")
    problem(await client_as(None).get(PATH, params={"access_token": token}), 401, "sign-in-required")
    assert (await called(client_as, token, scheme="bearer")).status_code == 200


async def test_a_new_key_of_the_issuer_is_fetched_once(coop: Coop, client_as: ClientAs, issuer: Issuer) -> None:
    client = client_as(coop.ada)
    before = issuer.asked
    await client.get(PATH)
    await client.get(PATH)
    assert issuer.asked == before + 1
    for kid in ("made-up-1", "made-up-2", "made-up-3"):
        await called(client_as, issuer.signed(issuer.claims(coop.ada), kid=kid))
    assert issuer.asked == before + 1  # an unknown id asks again only after the cool-down


async def test_while_the_issuer_is_away_nobody_is_taken_for_somebody(
    coop: Coop, client_as: ClientAs, issuer: Issuer
) -> None:
    issuer.away = True
    answer = await client_as(coop.ada).get(PATH)
    problem(answer, 503, "sign-in-unavailable")
    assert answer.headers["retry-after"] == "10"


async def test_what_is_public_needs_no_token_and_minds_no_wrong_one(client_as: ClientAs) -> None:
    for path in ("/v1/tools", "/health/live", "/v1/openapi.json"):
        assert (await client_as(None).get(path, headers={"Authorization": "Bearer wrong"})).status_code == 200


async def test_who_signs_in_first_is_written_down_and_a_new_name_is_taken_over(coop: Coop, client_as: ClientAs) -> None:
    await client_as(coop.ada, name="Ada B. Birch").get(PATH)
    taken = await client_as(coop.ada, name="Ada B. Birch").post(
        "/v1/requests", json={"tool": "notes", "plan": "small", "purpose": "x", "parameters": {"title": "T"}}
    )
    assert taken.json()["requested_by"] == {"id": str(coop.ada.id), "name": "Ada B. Birch"}


async def test_a_role_that_ended_has_ended_with_the_next_call(world: World, coop: Coop, client_as: ClientAs) -> None:
    client = client_as(coop.ada)
    body = {"tool": "notes", "plan": "small", "purpose": "x", "parameters": {"title": "T"}}
    assert (await client.post("/v1/requests", json=body)).status_code == 202
    await world.revoke(coop.ada, "requester", coop.birch)
    problem(await client.post("/v1/requests", json=body), 403, "forbidden")
    assert (await client.get("/v1/requests")).json()["items"] == []
