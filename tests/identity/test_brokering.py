"""People who come from their institution's own sign-on: that way goes past most of the browser flow."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from devkit.signin import Browser
from realm_under_test import PASSWORD, Organization, Person, RealmUnderTest, Server, Tool, claims

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.realm import check_realm

BROKER = "laurel-sign-on"


@dataclass(frozen=True)
class Institution:
    """A sign-on of its own, which knows people of one e-mail domain."""

    organization: Organization
    people: tuple[Person, ...]


@pytest.fixture(scope="module")
async def laurel(server: Server, realm: RealmUnderTest) -> AsyncIterator[Institution]:
    organization = await realm.organization("laurel")
    name = f"test-laurel-{secrets.token_hex(4)}"
    issuer, secret = f"{server.url}/realms/{name}", secrets.token_hex(16)
    async with server.connection(name) as theirs:
        await theirs.server("POST", "/realms", {"realm": name, "enabled": True})
        try:
            await theirs.renew()
            people = [await _account(theirs, f"{given}@{organization.domain}") for given in ("demo.one", "demo.two")]
            redirect = f"{realm.issuer}/broker/{BROKER}/endpoint"
            client = {"clientId": "coop", "secret": secret, "redirectUris": [redirect]}
            await theirs.post("/clients", client)
            await _join(realm, organization, issuer, secret)
            yield Institution(organization, tuple(people))
            await realm.admin.delete(f"/identity-provider/instances/{BROKER}")
        finally:
            await theirs.delete("")


async def _account(connection: KeycloakConnection, email: str) -> Person:
    body = {
        "username": email,
        "email": email,
        "emailVerified": True,
        "enabled": True,
        "firstName": "Demo",
        "lastName": "Laurel",
        "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
    }
    return Person(str(await connection.post("/users", body)), email, email)


async def _join(realm: RealmUnderTest, organization: Organization, issuer: str, secret: str) -> None:
    endpoint = f"{issuer}/protocol/openid-connect"
    provider = {
        "alias": BROKER,
        "providerId": "oidc",
        "enabled": True,
        "trustEmail": True,
        "hideOnLogin": True,
        "firstBrokerLoginFlowAlias": realm.spec.first_broker_flow,
        "postBrokerLoginFlowAlias": realm.spec.post_broker_flow,
        "config": {
            "issuer": issuer,
            "authorizationUrl": f"{endpoint}/auth",
            "tokenUrl": f"{endpoint}/token",
            "jwksUrl": f"{endpoint}/certs",
            "useJwksUrl": "true",
            "validateSignature": "true",
            "clientId": "coop",
            "clientSecret": secret,
            "clientAuthMethod": "client_secret_post",
            "defaultScope": "openid profile email",
            "syncMode": "FORCE",
            "kc.org.domain": organization.domain,
            "kc.org.broker.redirect.mode.email-matches": "true",
        },
    }
    await realm.admin.post("/identity-provider/instances", provider)
    await realm.admin.post(f"/organizations/{organization.id}/identity-providers", BROKER)


async def test_an_institutions_person_joins_it_and_gets_in(
    browser: Browser, realm: RealmUnderTest, laurel: Institution
) -> None:
    tool = await realm.tool("Laurel wiki", laurel.organization)

    token = claims(tool.visit(browser, laurel.people[0], "openid organization").tokens(browser)["access_token"])

    assert token["organization"] == {"laurel": {"id": laurel.organization.id}}
    assert token["email"] == laurel.people[0].email


async def test_an_institutions_person_is_refused_at_another_members_tool_each_time(
    server: Server, birch_wiki: Tool, laurel: Institution
) -> None:
    for _ in ("first", "again"):
        with Browser(server.ca_file) as fresh:
            visit = birch_wiki.visit(fresh, laurel.people[1])
            assert (visit.status, visit.answer) == (403, {})
            assert laurel.people[1].email in visit.page


async def test_a_provider_without_the_membership_step_is_reported(realm: RealmUnderTest, laurel: Institution) -> None:
    path = f"/identity-provider/instances/{BROKER}"
    found = await realm.admin.get(path)
    assert found["organizationId"] == laurel.organization.id
    await realm.admin.put(path, found | {"postBrokerLoginFlowAlias": ""})
    try:
        lacks = await check_realm(realm.admin, realm.spec)
    finally:
        await realm.admin.put(path, found)

    assert [(lack.code, lack.subject) for lack in lacks] == [("identity-provider-flow", BROKER)]
