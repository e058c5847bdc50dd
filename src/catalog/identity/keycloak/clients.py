"""Clients of the realm: compared with what they should be, as a whole."""

from typing import Any

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.reconciling import Part, Reconciler, differing, merged

Representation = dict[str, Any]

NO_GRANTS: Representation = {
    "protocol": "openid-connect",
    "enabled": True,
    "bearerOnly": False,
    "publicClient": False,
    "standardFlowEnabled": False,
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": False,
    "serviceAccountsEnabled": False,
    "authorizationServicesEnabled": False,
    "consentRequired": False,
    "frontchannelLogout": False,
    "fullScopeAllowed": False,
    "redirectUris": [],
    "webOrigins": [],
}
NO_GRANT_ATTRIBUTES = {
    "oauth2.device.authorization.grant.enabled": "false",
    "oidc.ciba.grant.enabled": "false",
    "standard.token.exchange.enabled": "false",
}


def audience_mapper(name: str, audience: str) -> Representation:
    """Put a client into the `aud` of access tokens."""
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {
            "included.client.audience": audience,
            "access.token.claim": "true",
            "id.token.claim": "false",
            "introspection.token.claim": "true",
        },
    }


def groups_mapper(client_id: str) -> Representation:
    """Put a person's roles of this very client, as a flat list, under `groups`."""
    return {
        "name": "groups",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usermodel-client-role-mapper",
        "config": {
            "claim.name": "groups",
            "jsonType.label": "String",
            "multivalued": "true",
            "usermodel.clientRoleMapping.clientId": client_id,
            "id.token.claim": "true",
            "access.token.claim": "true",
            "userinfo.token.claim": "true",
            "introspection.token.claim": "true",
        },
    }


async def find_client(connection: KeycloakConnection, client_id: str) -> Representation | None:
    """Find a client by its exact `client_id`."""
    found = await connection.get("/clients", clientId=client_id)
    return next((dict(one) for one in found if one["clientId"] == client_id), None)


async def client_secret(connection: KeycloakConnection, client_id: str) -> str:
    """Read the secret of a confidential client that there is."""
    found = await find_client(connection, client_id)
    if found is None:
        raise LookupError(client_id)
    return str((await connection.get(f"/clients/{found['id']}/client-secret"))["value"])


async def reconcile_client(
    reconciler: Reconciler,
    desired: Representation,
    *,
    mappers: tuple[Representation, ...] = (),
    default_scopes: tuple[str, ...] = (),
    optional_scopes: tuple[str, ...] = (),
) -> Representation | None:
    """Bring a client, its mappers and its scopes to what is desired; mappers and scopes beyond that are taken away.

    Gives the client as it was found or made; None where it is missing and nothing may be changed.
    """
    client_id = desired["clientId"]
    connection = reconciler.connection
    found = await find_client(connection, client_id)
    if found is None:
        if not reconciler.differs(
            "client-missing", client_id, f"Created client {client_id}.", f"Client {client_id} is missing."
        ):
            return None
        scopes = {"defaultClientScopes": list(default_scopes), "optionalClientScopes": list(optional_scopes)}
        identifier = await connection.post("/clients", desired | scopes | {"protocolMappers": list(mappers)})
        return dict(await connection.get(f"/clients/{identifier}"))
    wrong = _wrong_settings(found, desired)
    if wrong and reconciler.differs(
        "client-setting",
        client_id,
        f"Set {', '.join(wrong)} of client {client_id}.",
        f"Client {client_id} differs from what it should be in {', '.join(wrong)}.",
        tuple(_part(name, found, desired) for name in wrong),
    ):
        await connection.put(f"/clients/{found['id']}", merged(found, desired))
    await _reconcile_mappers(reconciler, found, mappers)
    await _reconcile_scopes(reconciler, found, "default", default_scopes)
    await _reconcile_scopes(reconciler, found, "optional", optional_scopes)
    return found


def _wrong_settings(found: Representation, desired: Representation) -> list[str]:
    """Name what differs, attributes one by one."""
    settings = {key: value for key, value in desired.items() if key != "attributes"}
    return differing(found, settings) + differing(found.get("attributes") or {}, desired.get("attributes") or {})


def _part(name: str, found: Representation, desired: Representation) -> Part:
    """Say what a setting or an attribute is and should be."""
    if name in desired:
        return Part(name, found.get(name), desired[name])
    return Part(name, (found.get("attributes") or {}).get(name), desired["attributes"][name])


async def _reconcile_mappers(
    reconciler: Reconciler, client: Representation, mappers: tuple[Representation, ...]
) -> None:
    client_id = client["clientId"]
    path = f"/clients/{client['id']}/protocol-mappers/models"
    existing = {mapper["name"]: mapper for mapper in client.get("protocolMappers") or []}
    desired = {mapper["name"]: mapper for mapper in mappers}
    for name in sorted(existing.keys() | desired.keys()):
        found, should = existing.get(name), desired.get(name)
        if found is not None and should is not None and not differing(found, should):
            continue
        if not reconciler.differs(
            "client-mapper",
            client_id,
            f"Set the mapper {name} of client {client_id}.",
            f"The mapper {name} of client {client_id} is not as it should be.",
            (Part(name, found and found["config"], should and should["config"]),),
        ):
            continue
        if should is None and found is not None:
            await reconciler.connection.delete(f"{path}/{found['id']}")
        elif found is None:
            await reconciler.connection.post(path, should)
        elif should is not None:
            await reconciler.connection.put(f"{path}/{found['id']}", merged(found, should))


async def _reconcile_scopes(
    reconciler: Reconciler, client: Representation, kind: str, desired: tuple[str, ...]
) -> None:
    client_id = client["clientId"]
    existing = set(client.get(f"{kind}ClientScopes") or [])
    wrong = existing ^ set(desired)
    if not wrong:
        return
    if not reconciler.differs(
        "client-scope",
        client_id,
        f"Set the {kind} scopes of client {client_id}.",
        f"The {kind} scopes of client {client_id} are not as they should be: {', '.join(sorted(wrong))}.",
        (Part(f"{kind}ClientScopes", sorted(existing), sorted(desired)),),
    ):
        return
    known = {scope["name"]: scope["id"] for scope in await reconciler.connection.get("/client-scopes")}
    path = f"/clients/{client['id']}/{kind}-client-scopes"
    for name in sorted(existing - set(desired)):
        await reconciler.connection.delete(f"{path}/{known[name]}")
    for name in sorted(set(desired) - existing):
        await reconciler.connection.put(f"{path}/{known[name]}")
