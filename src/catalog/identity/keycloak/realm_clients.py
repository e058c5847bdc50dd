"""The realm's own clients: the catalog's, its service accounts, and those that come with Keycloak."""

from typing import Any

from catalog.identity.keycloak.clients import (
    NO_GRANT_ATTRIBUTES,
    NO_GRANTS,
    Representation,
    audience_mapper,
    find_client,
    reconcile_client,
)
from catalog.identity.keycloak.reconciling import Reconciler
from catalog.identity.keycloak.specs import ACCESS, EVERYBODY, GRANTS, RealmSpec

API, CLI, WEB, WORKER, PEOPLE = "catalog-api", "catalog-cli", "catalog-web", "catalog-worker", "catalog-people"
CONFIDENTIAL = (WEB, WORKER, PEOPLE)

SIGN_IN_SCOPES = ("basic", "email", "profile")
ROLES: dict[str, frozenset[str]] = {
    WORKER: frozenset({"manage-clients", "manage-organizations"}),
    PEOPLE: frozenset({"manage-organizations", "manage-users"}),
}
# People of the realm look after their account there; admin-cli takes passwords, and stays shut.
OPEN_BUILT_IN = ("account", "account-console", "security-admin-console")


async def reconcile_realm_clients(reconciler: Reconciler, spec: RealmSpec) -> None:
    """Make the catalog's clients and service accounts, and open those of Keycloak's own that people need."""
    to_api = audience_mapper("audience", API)
    await reconcile_client(reconciler, _api())
    for client in (_cli(), _web(spec)):
        await reconcile_client(
            reconciler,
            client,
            mappers=(to_api,),
            default_scopes=SIGN_IN_SCOPES,
            optional_scopes=("organization",),
        )
    for client_id in (WORKER, PEOPLE):
        account = await reconcile_client(
            reconciler, _service_account(client_id), default_scopes=("basic", "roles", "service_account")
        )
        if account is not None:
            await _reconcile_service_roles(reconciler, account, ROLES[client_id])
    for client_id in OPEN_BUILT_IN:
        await _open(reconciler, client_id)


def _api() -> Representation:
    return NO_GRANTS | {"clientId": API, "name": "Co-op Catalog API", "bearerOnly": True}


def _cli() -> Representation:
    return NO_GRANTS | {
        "clientId": CLI,
        "name": "Co-op Catalog command line",
        "publicClient": True,
        "attributes": NO_GRANT_ATTRIBUTES
        | {ACCESS: EVERYBODY, GRANTS: "device_code", "oauth2.device.authorization.grant.enabled": "true"},
    }


def _web(spec: RealmSpec) -> Representation:
    return NO_GRANTS | {
        "clientId": WEB,
        "name": "Co-op Catalog",
        "baseUrl": f"{spec.catalog_url}/",
        "standardFlowEnabled": True,
        "redirectUris": [f"{spec.catalog_url}/sign-in/callback"],
        "attributes": NO_GRANT_ATTRIBUTES
        | {
            ACCESS: EVERYBODY,
            GRANTS: "",
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{spec.catalog_url}/",
        },
    }


def _service_account(client_id: str) -> Representation:
    return NO_GRANTS | {
        "clientId": client_id,
        "name": client_id,
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": True,
        "attributes": NO_GRANT_ATTRIBUTES | {ACCESS: "", GRANTS: "client_credentials"},
    }


async def _reconcile_service_roles(reconciler: Reconciler, client: Representation, roles: frozenset[str]) -> None:
    """Give the service account these roles of realm administration, and take others away."""
    connection, client_id = reconciler.connection, client["clientId"]
    management: dict[str, Any] | None = await find_client(connection, "realm-management")
    if management is None:
        raise LookupError("realm-management")
    user = await connection.get(f"/clients/{client['id']}/service-account-user")
    path = f"/users/{user['id']}/role-mappings/clients/{management['id']}"
    held = {role["name"]: role for role in await connection.get(path)}
    if held.keys() == roles:
        return
    if reconciler.differs(
        "service-account-roles",
        client_id,
        f"Gave {client_id} the roles {', '.join(sorted(roles))}.",
        f"{client_id} should have the roles {', '.join(sorted(roles))} and has {', '.join(sorted(held)) or 'none'}.",
    ):
        known = {role["name"]: role for role in await connection.get(f"/clients/{management['id']}/roles")}
        surplus = [role for name, role in held.items() if name not in roles]
        missing = [known[name] for name in sorted(roles - held.keys())]
        if surplus:
            await connection.delete(path, surplus)
        if missing:
            await connection.post(path, missing)


async def _open(reconciler: Reconciler, client_id: str) -> None:
    found = await find_client(reconciler.connection, client_id)
    if found is None or (found.get("attributes") or {}).get(ACCESS) == EVERYBODY:
        return
    if reconciler.differs(
        "client-access",
        client_id,
        f"Opened {client_id} to everybody of the realm.",
        f"{client_id} lets nobody in: its attribute {ACCESS} is not {EVERYBODY}.",
    ):
        attributes = (found.get("attributes") or {}) | {ACCESS: EVERYBODY}
        await reconciler.connection.put(f"/clients/{found['id']}", found | {"attributes": attributes})
