"""The dev kit's own administrator of Keycloak: for tests that make and remove realms, and for nothing else."""

import asyncio
import os
from pathlib import Path

from catalog.identity.keycloak.clients import NO_GRANTS, client_secret, reconcile_client
from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.first_setup import MASTER
from catalog.identity.keycloak.reconciling import Reconciler

DEVKIT_ADMIN = "devkit-admin"


def create_devkit_admin(
    url: str, bootstrap_client_id: str, bootstrap_secret: str, secret_file: Path, ca_file: Path | None = None
) -> None:
    """Make `devkit-admin`, an administrator of every realm, and write its secret to `secret_file` (0600).

    Call it before the first set-up, which removes the bootstrap account. It can be repeated.
    """
    asyncio.run(_create(url, bootstrap_client_id, bootstrap_secret, secret_file, ca_file))


async def _create(
    url: str, bootstrap_client_id: str, bootstrap_secret: str, secret_file: Path, ca_file: Path | None
) -> None:
    async with KeycloakConnection(url, MASTER, bootstrap_client_id, bootstrap_secret, ca_file) as master:
        desired = NO_GRANTS | {
            "clientId": DEVKIT_ADMIN,
            "name": DEVKIT_ADMIN,
            "serviceAccountsEnabled": True,
            "fullScopeAllowed": True,
        }
        scopes = ("basic", "roles", "service_account")
        client = await reconcile_client(Reconciler(master, apply=True), desired, default_scopes=scopes)
        if client is None:
            raise LookupError(DEVKIT_ADMIN)
        user = await master.get(f"/clients/{client['id']}/service-account-user")
        await master.post(f"/users/{user['id']}/role-mappings/realm", [await master.get("/roles/admin")])
        secret = await client_secret(master, DEVKIT_ADMIN)
    secret_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret)
