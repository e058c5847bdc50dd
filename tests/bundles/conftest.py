"""Bundles on the dev kit's real hosts, with its real Keycloak: a realm of their own for each file of tests."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from devkit.hosts.records import known
from devkit.signin import Browser
from tests.identity.realm_under_test import Organization, Person, RealmUnderTest
from tests.identity.realm_under_test import Server as Keycloak
from tests.support.environment import variables

from catalog.identity.keycloak.realm import sync_realm
from catalog.identity.keycloak.specs import RealmSpec

HOSTS = ("quebec-1", "vancouver-1")


@pytest.fixture(scope="module")
def keycloak() -> Keycloak:
    known_to_tests = variables("owner.env", "keycloak-test.env")
    if "CATALOG_KEYCLOAK_ADMIN_CLIENT_ID" not in known_to_tests or set(HOSTS) - known().keys():
        pytest.fail("These tests need the dev kit's Keycloak and hosts: ./dev up starts them.")
    return Keycloak(
        url=known_to_tests["CATALOG_KEYCLOAK_URL"].rstrip("/"),
        ca_file=Path(known_to_tests["CATALOG_CA_FILE"]),
        admin_client_id=known_to_tests["CATALOG_KEYCLOAK_ADMIN_CLIENT_ID"],
        admin_secret=Path(known_to_tests["CATALOG_KEYCLOAK_ADMIN_SECRET_FILE"]).read_text(encoding="utf-8").strip(),
    )


@pytest.fixture(scope="module")
async def realm(keycloak: Keycloak) -> AsyncIterator[RealmUnderTest]:
    spec = RealmSpec(realm=f"test-{secrets.token_hex(4)}", catalog_url="https://catalog.coop-catalog.test:8000")
    async with keycloak.connection(spec.realm) as admin:
        try:
            await sync_realm(admin, spec)
            made = RealmUnderTest(keycloak, spec, admin)
            await made.open()
            yield made
            await made.close()
        finally:
            await admin.delete("")


@pytest.fixture(scope="module")
async def birch(realm: RealmUnderTest) -> Organization:
    return await realm.organization("birch")


@pytest.fixture(scope="module")
async def maple(realm: RealmUnderTest) -> Organization:
    return await realm.organization("maple")


@pytest.fixture(scope="module")
async def stranger(realm: RealmUnderTest, maple: Organization) -> Person:
    return await realm.person("demo.maple", maple)


@pytest.fixture
def browser(keycloak: Keycloak) -> Iterator[Browser]:
    with Browser(keycloak.ca_file) as one:
        yield one
