"""The first set-up: from Keycloak's bootstrap account to one that may administer the co-op's realm alone."""

import os
from pathlib import Path

from catalog.identity.keycloak.clients import NO_GRANTS, client_secret, find_client, reconcile_client
from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.realm import sync_realm
from catalog.identity.keycloak.realm_clients import CONFIDENTIAL
from catalog.identity.keycloak.reconciling import Change, Reconciler
from catalog.identity.keycloak.specs import RealmSpec

MASTER = "master"
IDENTITY_ADMIN = "catalog-identity-admin"
# To sign in as somebody else, and to let clients register themselves, is not what administering takes.
WITHHELD_ROLES = frozenset({"impersonation", "create-client"})
SECRET_MODE = 0o600
FOLDER_MODE = 0o700


async def bootstrap(connection: KeycloakConnection, spec: RealmSpec, secrets_dir: Path) -> list[Change]:
    """Set the realm up and hand it over: afterwards the bootstrap account is gone.

    `connection` is the bootstrap service account of the master realm (`home_realm="master"`). Each secret ends up in
    `secrets_dir`, in a file (0600) that bears its client's id: those of the realm's confidential clients and that of
    `catalog-identity-admin`, which takes over. That one is written last, so that a set-up that was interrupted is seen
    by its absence and simply begins again.
    """
    changes = await sync_realm(connection, spec)
    master = connection.in_realm(MASTER)
    changes += await _reconcile_identity_admin(master, spec.realm)
    await write_secrets(connection, secrets_dir)
    secret = await client_secret(master, IDENTITY_ADMIN)
    async with KeycloakConnection(
        connection.url, spec.realm, IDENTITY_ADMIN, secret, connection.ca_file, home_realm=MASTER
    ) as successor:
        changes += await sync_realm(successor, spec)
    _write(secrets_dir / pending_name(IDENTITY_ADMIN), secret)
    old = await find_client(master, connection.client_id)
    if old is not None:
        await master.delete(f"/clients/{old['id']}")
        name = connection.client_id
        changes.append(Change("bootstrap-removed", name, f"Removed {name}: {IDENTITY_ADMIN} takes over."))
    promote(secrets_dir)
    return changes


async def write_secrets(connection: KeycloakConnection, secrets_dir: Path) -> list[str]:
    """Write the secrets of the realm's confidential clients where they are missing or old; gives their client ids."""
    secrets = {client_id: await client_secret(connection, client_id) for client_id in CONFIDENTIAL}
    return [client_id for client_id, secret in secrets.items() if _write(secrets_dir / client_id, secret)]


def pending_name(client_id: str) -> str:
    """Name the file that holds a secret until the account before it is gone."""
    return f"{client_id}.pending"


def promote(secrets_dir: Path) -> bool:
    """Put the successor's secret in force; False where none is waiting."""
    pending = secrets_dir / pending_name(IDENTITY_ADMIN)
    if not pending.is_file():
        return False
    pending.replace(secrets_dir / IDENTITY_ADMIN)
    return True


async def _reconcile_identity_admin(master: KeycloakConnection, realm: str) -> list[Change]:
    """Make the account that may do everything in the one realm, and nothing in any other."""
    reconciler = Reconciler(master, apply=True)
    desired = NO_GRANTS | {
        "clientId": IDENTITY_ADMIN,
        "name": IDENTITY_ADMIN,
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": True,
    }
    client = await reconcile_client(reconciler, desired, default_scopes=("basic", "roles", "service_account"))
    administered = await find_client(master, f"{realm}-realm")
    if client is None or administered is None:
        raise LookupError(f"{realm}-realm")
    user = await master.get(f"/clients/{client['id']}/service-account-user")
    path = f"/users/{user['id']}/role-mappings/clients/{administered['id']}"
    held = {role["name"] for role in await master.get(path)}
    roles = [
        role
        for role in await master.get(f"/clients/{administered['id']}/roles")
        if role["name"] not in WITHHELD_ROLES | held
    ]
    if roles:
        reconciler.differs(
            "identity-admin-roles",
            IDENTITY_ADMIN,
            f"Gave {IDENTITY_ADMIN} the administration of realm {realm}.",
            f"{IDENTITY_ADMIN} may not administer realm {realm}.",
        )
        await master.post(path, roles)
    return reconciler.changes


def _write(path: Path, secret: str) -> bool:
    """Write a secret so that nobody else can read it at any moment; False where it stands there already."""
    if path.is_file() and path.read_text(encoding="utf-8") == secret:
        return False
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, SECRET_MODE), "w") as file:
        file.write(secret)
    unfinished.replace(path)
    return True
