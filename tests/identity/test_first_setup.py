"""`catalog identity`: from the bootstrap account to one that administers the co-op's realm alone."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from realm_under_test import Server
from typer.testing import CliRunner, Result

from catalog.admin.identity import identity_app
from catalog.identity.keycloak.clients import NO_GRANTS, client_secret, find_client, reconcile_client
from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.errors import KeycloakRefused
from catalog.identity.keycloak.first_setup import IDENTITY_ADMIN, MASTER
from catalog.identity.keycloak.reconciling import Reconciler

REALM_FILES = {"catalog-identity-admin", "catalog-people", "catalog-web", "catalog-worker"}


@dataclass(frozen=True)
class Setup:
    """What an operator has who sets up a Keycloak: its bootstrap account, and an empty folder for secrets."""

    realm: str
    bootstrap_client: str
    secrets_dir: Path
    environment: dict[str, str]

    async def run(self, command: str) -> Result:
        """Run `catalog identity COMMAND`, in a thread: the command has an event loop of its own."""
        return await asyncio.to_thread(CliRunner().invoke, identity_app, [command], env=self.environment)


@pytest.fixture
async def setup(server: Server, tmp_path: Path) -> AsyncIterator[Setup]:
    realm, client_id = f"test-{secrets.token_hex(4)}", f"test-bootstrap-{secrets.token_hex(4)}"
    async with server.connection(MASTER) as master:
        before = await find_client(master, IDENTITY_ADMIN)
        secret = await _bootstrap_account(master, client_id)
        secret_file = tmp_path / "bootstrap"
        secret_file.write_text(secret)
        secrets_dir = tmp_path / "secrets"
        environment = {
            "CATALOG_KEYCLOAK_URL": server.url,
            "CATALOG_KEYCLOAK_REALM": realm,
            "CATALOG_CA_FILE": str(server.ca_file),
            "CATALOG_URL": "https://catalog.coop-catalog.test:8000",
            "CATALOG_KEYCLOAK_SECRETS_DIR": str(secrets_dir),
            "CATALOG_KEYCLOAK_ADMIN_CLIENT_ID": client_id,
            "CATALOG_KEYCLOAK_ADMIN_SECRET_FILE": str(secret_file),
        }
        try:
            yield Setup(realm, client_id, secrets_dir, environment)
        finally:
            await _remove_client(master, client_id)
            if before is None:
                await _remove_client(master, IDENTITY_ADMIN)
            await master.renew()
            if await master.in_realm(realm).find("") is not None:
                await master.in_realm(realm).delete("")


async def _bootstrap_account(master: KeycloakConnection, client_id: str) -> str:
    desired = NO_GRANTS | {"clientId": client_id, "serviceAccountsEnabled": True, "fullScopeAllowed": True}
    scopes = ("basic", "roles", "service_account")
    client = await reconcile_client(Reconciler(master, apply=True), desired, default_scopes=scopes)
    assert client is not None
    user = await master.get(f"/clients/{client['id']}/service-account-user")
    await master.post(f"/users/{user['id']}/role-mappings/realm", [await master.get("/roles/admin")])
    return await client_secret(master, client_id)


async def _remove_client(master: KeycloakConnection, client_id: str) -> None:
    found = await find_client(master, client_id)
    if found is not None:
        await master.delete(f"/clients/{found['id']}")


async def test_the_first_set_up_hands_over_and_a_second_run_changes_nothing(server: Server, setup: Setup) -> None:
    first, second, check = [await setup.run(command) for command in ("sync", "sync", "check")]

    assert (first.exit_code, second.exit_code, check.exit_code) == (0, 0, 0), first.output + second.output
    assert f"Created realm {setup.realm}." in first.output.splitlines()
    assert second.output == "Nothing to change.\n"
    assert {path.name for path in setup.secrets_dir.iterdir()} == REALM_FILES
    assert {path.stat().st_mode & 0o777 for path in setup.secrets_dir.iterdir()} == {0o600}
    assert setup.secrets_dir.stat().st_mode & 0o777 == 0o700
    async with server.connection(MASTER) as master:
        assert await find_client(master, setup.bootstrap_client) is None
    printed = first.output + second.output + check.output
    assert not [path.name for path in setup.secrets_dir.iterdir() if path.read_text() in printed]


async def test_the_successor_administers_no_other_realm(server: Server, setup: Setup) -> None:
    assert (await setup.run("sync")).exit_code == 0
    secret = (setup.secrets_dir / IDENTITY_ADMIN).read_text()

    async with KeycloakConnection(
        server.url, setup.realm, IDENTITY_ADMIN, secret, server.ca_file, home_realm=MASTER
    ) as successor:
        assert (await successor.get(""))["displayName"] == "Co-op Catalog"
        for attempt in (
            successor.in_realm(MASTER).get("/clients"),
            successor.in_realm(MASTER).put("", {"displayName": "taken over"}),
            successor.server("POST", "/realms", {"realm": "taken-over"}),
        ):
            with pytest.raises(KeycloakRefused):
                await attempt


async def test_a_set_up_that_broke_off_at_its_last_act_is_taken_up(setup: Setup) -> None:
    assert (await setup.run("sync")).exit_code == 0
    (setup.secrets_dir / IDENTITY_ADMIN).rename(setup.secrets_dir / f"{IDENTITY_ADMIN}.pending")

    again = await setup.run("sync")

    assert (again.exit_code, again.output) == (0, "Nothing to change.\n")
    assert (setup.secrets_dir / IDENTITY_ADMIN).is_file()


async def test_a_check_that_finds_something_says_so_and_fails(server: Server, setup: Setup) -> None:
    assert (await setup.run("sync")).exit_code == 0
    async with server.connection(setup.realm) as admin:
        await admin.put("", await admin.get("") | {"bruteForceProtected": False})

    check = await setup.run("check")

    assert check.exit_code == 1
    assert check.output == f"bruteForceProtected of realm {setup.realm} is not as it should be.\n"
    assert (await setup.run("sync")).output == f"Set bruteForceProtected of realm {setup.realm}.\n"


async def test_a_lost_secret_file_is_written_anew(setup: Setup) -> None:
    assert (await setup.run("sync")).exit_code == 0
    lost = setup.secrets_dir / "catalog-worker"
    content = lost.read_text()
    lost.unlink()

    assert (await setup.run("sync")).output == "Wrote the secret of catalog-worker.\n"
    assert lost.read_text() == content
