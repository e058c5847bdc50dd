"""The dev kit's Keycloak, and a realm in it that is the tests' own."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.identity.realm_under_test import RealmUnderTest, Server
from tests.support.environment import variables

from catalog.identity.keycloak.realm import sync_realm
from catalog.identity.keycloak.specs import RealmSpec


class NoKeycloak(Exception):
    """There is no Keycloak where realms can be made; the message says what to do."""


@asynccontextmanager
async def own_realm() -> AsyncIterator[RealmUnderTest]:
    """Make one by the product's own set-up, and remove it. Raises `NoKeycloak`."""
    keycloak = _keycloak()
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


def _keycloak() -> Server:
    told = variables("owner.env", "keycloak-test.env")
    if "CATALOG_KEYCLOAK_ADMIN_CLIENT_ID" not in told:
        raise NoKeycloak("These tests need the dev kit's Keycloak and hosts: ./dev up starts them.")
    return Server(
        url=told["CATALOG_KEYCLOAK_URL"].rstrip("/"),
        ca_file=Path(told["CATALOG_CA_FILE"]),
        admin_client_id=told["CATALOG_KEYCLOAK_ADMIN_CLIENT_ID"],
        admin_secret=Path(told["CATALOG_KEYCLOAK_ADMIN_SECRET_FILE"]).read_text(encoding="utf-8").strip(),
    )
