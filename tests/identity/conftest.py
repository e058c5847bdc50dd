"""Tests against a real Keycloak: a realm of their own, made by the product's own set-up and removed afterwards.

Where Keycloak is, and the administrator that may make realms, stand in the environment or in the dev kit's
`.dev/env/owner.env` and `.dev/env/keycloak-test.env`.
"""

import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

from devkit.signin import Browser  # noqa: E402 - the path above comes first
from realm_under_test import Organization, Person, RealmUnderTest, Server, Tool  # noqa: E402 - the same

from catalog.identity.keycloak.realm import sync_realm  # noqa: E402 - the same
from catalog.identity.keycloak.specs import RealmSpec  # noqa: E402 - the same

ENVIRONMENT_FILES = ("owner.env", "keycloak-test.env")


def _variables() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ENVIRONMENT_FILES:
        path = ROOT / ".dev" / "env" / name
        if path.is_file():
            lines = (line.strip().removeprefix("export ") for line in path.read_text(encoding="utf-8").splitlines())
            pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
            found |= {key: value.strip("'\"") for key, _, value in pairs}
    return found | os.environ


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    variables = _variables()
    needed = (
        "CATALOG_KEYCLOAK_URL",
        "CATALOG_CA_FILE",
        "CATALOG_KEYCLOAK_ADMIN_CLIENT_ID",
        "CATALOG_KEYCLOAK_ADMIN_SECRET_FILE",
    )
    lacking = [name for name in needed if not variables.get(name)]
    if lacking:
        pytest.fail(f"These tests need a Keycloak: start the dev kit, or set {', '.join(lacking)}.")
    addresses = dict(pair.split("=", 1) for pair in variables.get("CATALOG_TEST_ADDRESSES", "").split())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", _resolving(addresses))
        yield Server(
            url=variables["CATALOG_KEYCLOAK_URL"].rstrip("/"),
            ca_file=ROOT / variables["CATALOG_CA_FILE"],
            admin_client_id=variables["CATALOG_KEYCLOAK_ADMIN_CLIENT_ID"],
            admin_secret=(ROOT / variables["CATALOG_KEYCLOAK_ADMIN_SECRET_FILE"]).read_text(encoding="utf-8").strip(),
        )


def _resolving(addresses: dict[str, str]) -> Callable[..., Any]:
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        return system(addresses.get(host, host), *arguments, **named)

    return getaddrinfo


@pytest.fixture(scope="session")
async def realm(server: Server) -> AsyncIterator[RealmUnderTest]:
    spec = RealmSpec(realm=f"test-{secrets.token_hex(4)}", catalog_url="https://catalog.coop-catalog.test:8000")
    async with server.connection(spec.realm) as admin:
        try:
            await sync_realm(admin, spec)
            made = RealmUnderTest(server, spec, admin)
            await made.open()
            yield made
            await made.close()
        finally:
            await admin.delete("")


@pytest.fixture(scope="session")
async def birch(realm: RealmUnderTest) -> Organization:
    return await realm.organization("birch", help_desk="help <script>alert(1)</script> desk")


@pytest.fixture(scope="session")
async def maple(realm: RealmUnderTest) -> Organization:
    return await realm.organization("maple", help_desk="help@maple.example")


@pytest.fixture(scope="session")
async def birch_wiki(realm: RealmUnderTest, birch: Organization) -> Tool:
    return await realm.tool("Birch wiki", birch)


@pytest.fixture(scope="session")
async def maple_wiki(realm: RealmUnderTest, maple: Organization) -> Tool:
    return await realm.tool("Maple wiki", maple)


@pytest.fixture(scope="session")
async def of_birch(realm: RealmUnderTest, birch: Organization) -> Person:
    return await realm.person("demo.birch", birch)


@pytest.fixture(scope="session")
async def of_maple(realm: RealmUnderTest, maple: Organization) -> Person:
    return await realm.person("demo.maple", maple)


@pytest.fixture(scope="session")
async def of_both(realm: RealmUnderTest, birch: Organization, maple: Organization) -> Person:
    return await realm.person("demo.both", birch, maple)


@pytest.fixture(scope="session")
async def of_none(realm: RealmUnderTest) -> Person:
    return await realm.person("demo.none")


@pytest.fixture
def browser(server: Server) -> Iterator[Browser]:
    with Browser(server.ca_file) as one:
        yield one
