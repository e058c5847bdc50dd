"""By which grants a token can be had: those that a client lists, and then for those alone whom it admits."""

from typing import Any

import pytest
from devkit.signin import DEVICE_GRANT, Browser, approved_device_token
from realm_under_test import PASSWORD, Organization, Person, RealmUnderTest, Server, Tool, claims

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
UMA = "urn:ietf:params:oauth:grant-type:uma-ticket"


@pytest.mark.parametrize("response_type", ["token", "id_token", "id_token token", "code id_token", "code token"])
async def test_only_codes_are_given_to_browsers(
    browser: Browser, realm: RealmUnderTest, birch: Organization, of_birch: Person, response_type: str
) -> None:
    tool = await realm.raw_client(attributes={"coop.organizations": birch.id})

    visit = tool.visit(browser, of_birch, response_type=response_type)

    assert not {"code", "access_token", "id_token"} & visit.answer.keys()
    assert visit.answer.get("error") == "unsupported_response_type"


@pytest.fixture(scope="module")
async def unlisted(realm: RealmUnderTest, birch: Organization) -> Tool:
    """A client that Keycloak would serve every grant, and that lists none."""
    return await realm.raw_client(attributes={"coop.organizations": birch.id})


@pytest.mark.parametrize(
    "grant",
    [
        {"grant_type": "client_credentials"},
        {"grant_type": "password", "username": "demo.birch", "password": PASSWORD},
        {"grant_type": TOKEN_EXCHANGE, "subject_token": "x", "subject_token_type": ACCESS_TOKEN},
    ],
    ids=lambda grant: str(grant["grant_type"]).rsplit(":", 1)[-1],
)
async def test_a_grant_that_is_not_listed_is_refused(
    browser: Browser, unlisted: Tool, of_birch: Person, grant: dict[str, str]
) -> None:
    assert of_birch.username == "demo.birch"

    status, answer = unlisted.token(browser, **grant)

    assert (status, answer["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    ("path", "form"),
    [("auth/device", {"scope": "openid"}), ("ext/ciba/auth", {"scope": "openid", "login_hint": "demo.birch"})],
    ids=["device", "ciba"],
)
async def test_a_request_on_another_channel_is_refused_where_it_is_not_listed(
    browser: Browser, unlisted: Tool, of_birch: Person, path: str, form: dict[str, str]
) -> None:
    assert of_birch.username == "demo.birch"
    credentials = {"client_id": unlisted.client_id, "client_secret": unlisted.secret}

    answer = browser.http.post(f"{unlisted.issuer}/protocol/openid-connect/{path}", data=form | credentials)

    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


async def test_a_permission_ticket_gets_no_token(
    browser: Browser, unlisted: Tool, birch_wiki: Tool, of_birch: Person
) -> None:
    token = unlisted.visit(browser, of_birch).tokens(browser)["access_token"]
    answer = browser.http.post(
        f"{unlisted.issuer}/protocol/openid-connect/token",
        data={"grant_type": UMA, "audience": birch_wiki.client_id},
        headers={"Authorization": f"Bearer {token}"},
    )

    assert answer.status_code in {400, 401, 403}
    assert "access_token" not in answer.json()


@pytest.fixture(scope="module")
async def listed(realm: RealmUnderTest, birch: Organization) -> Tool:
    grants = "client_credentials password device_code token_exchange"
    return await realm.raw_client(attributes={"coop.organizations": birch.id, "coop.grants": grants})


async def test_a_listed_service_account_gets_its_token(browser: Browser, listed: Tool) -> None:
    status, answer = listed.token(browser, grant_type="client_credentials")

    assert (status, claims(answer["access_token"])["azp"]) == (200, listed.client_id)


async def test_a_listed_password_grant_serves_members_alone(
    browser: Browser, listed: Tool, of_birch: Person, of_maple: Person
) -> None:
    def asked(person: Person) -> tuple[int, str | None]:
        status, answer = listed.token(
            browser, grant_type="password", username=person.username, password=PASSWORD, scope="openid"
        )
        return status, answer.get("error")

    assert asked(of_birch) == (200, None)
    assert asked(of_maple) == (400, "invalid_grant")


async def test_a_listed_device_serves_members_alone(
    server: Server, listed: Tool, of_birch: Person, of_maple: Person
) -> None:
    client = {"client_id": listed.client_id, "client_secret": listed.secret, "scope": "openid"}
    with Browser(server.ca_file) as fresh:
        token = approved_device_token(fresh, listed.issuer, client, of_birch.username, PASSWORD)
    assert claims(token)["sub"] == of_birch.subject
    with Browser(server.ca_file) as fresh:
        device = fresh.http.post(f"{listed.issuer}/protocol/openid-connect/auth/device", data=client).json()
        approval = fresh.visit(device["verification_uri_complete"], of_maple.username, PASSWORD)
        assert approval.final.status_code == 403
        status, answer = listed.token(fresh, grant_type=DEVICE_GRANT, device_code=device["device_code"])
        assert (status, answer["error"]) == (400, "authorization_pending")


async def test_a_token_is_exchanged_only_for_audiences_that_admit_its_person(
    browser: Browser, realm: RealmUnderTest, birch: Organization, maple: Organization, of_birch: Person
) -> None:
    def exchanged(audience: Tool, **more: str) -> tuple[int, str | None]:
        status, answer = asking.token(
            browser,
            grant_type=TOKEN_EXCHANGE,
            subject_token=token,
            subject_token_type=ACCESS_TOKEN,
            audience=audience.client_id,
            **more,
        )
        return status, answer.get("error")

    ours = await realm.raw_client(attributes={"coop.organizations": birch.id})
    theirs = await realm.raw_client(attributes={"coop.organizations": maple.id})
    mappers = [_audience(one.client_id) for one in (ours, theirs)]
    asking = await realm.raw_client(
        attributes={"coop.organizations": birch.id, "coop.grants": "token_exchange"}, protocolMappers=mappers
    )
    token = asking.visit(browser, of_birch).tokens(browser)["access_token"]

    assert exchanged(ours) == (200, None)
    assert exchanged(theirs) == (400, "invalid_grant")
    assert exchanged(ours, requested_subject="demo.maple")[0] == 400


async def test_a_device_of_the_command_line_serves_everybody_of_the_realm(
    browser: Browser, realm: RealmUnderTest, of_both: Person, birch: Organization, maple: Organization
) -> None:
    client = {"client_id": "catalog-cli", "scope": "openid organization:*"}

    token = claims(approved_device_token(browser, realm.issuer, client, of_both.username, PASSWORD))

    assert token["aud"] == "catalog-api"
    assert token["organization"] == {"birch": {"id": birch.id}, "maple": {"id": maple.id}}


def _audience(client_id: str) -> dict[str, Any]:
    return {
        "name": client_id,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.client.audience": client_id, "access.token.claim": "true"},
    }
