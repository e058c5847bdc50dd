"""The sign-on of an instance: one confidential client that lets in the organizations it names, and nobody else."""

from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from catalog.identity.keycloak.clients import (
    NO_GRANT_ATTRIBUTES,
    NO_GRANTS,
    Representation,
    audience_mapper,
    find_client,
    groups_mapper,
    reconcile_client,
)
from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.errors import KeycloakRefused
from catalog.identity.keycloak.reconciling import Difference, Part, Reconciler
from catalog.identity.keycloak.specs import ACCESS, GRANTS, INSTANCE, ORGANIZATIONS, InstanceClient, InstanceClientSpec
from catalog.platform.clock import now

DEFAULT_SCOPES = ("basic", "email", "profile")
OPTIONAL_SCOPES = ("organization",)
CONFLICTS_BORNE = 3
CLIENTS_A_PAGE = 100


def instance_client_id(instance_id: str) -> str:
    """Name the client of an instance."""
    return f"instance-{instance_id}"


async def ensure_instance_client(connection: KeycloakConnection, spec: InstanceClientSpec) -> InstanceClient:
    """Make the instance's client, or bring it to what `spec` says. Takes the account `catalog-worker`.

    A role that the tool no longer names is removed with its assignments; the secret stays.
    """
    for _ in range(CONFLICTS_BORNE):
        try:
            return await _converge(connection, spec)
        except KeycloakRefused as refusal:
            # Another attempt made something between our look and our write: now there is one to compare with.
            if refusal.status != HTTPStatus.CONFLICT:
                raise
    return await _converge(connection, spec)


async def compare_instance_client(
    connection: KeycloakConnection, spec: InstanceClientSpec, *, secret: str | None, closed: bool = False
) -> tuple[Difference, ...]:
    """Say what of the instance's client is not as `spec` says, and change nothing.

    `secret` is the one that the instance knows; `closed`: nobody is to sign in, as `close_instance_client` leaves it.
    """
    reconciler = Reconciler(connection, apply=False)
    client = await _reconcile(reconciler, spec, enabled=not closed)
    if client is not None and secret is not None and await _secret(connection, client) != secret:
        client_id = client["clientId"]
        reconciler.differs(
            "client-secret",
            client_id,
            f"Took over the secret of client {client_id}.",
            f"Client {client_id} has another secret than the instance.",
        )
    return tuple(reconciler.found)


async def instance_clients(connection: KeycloakConnection) -> AsyncIterator[tuple[str, str]]:
    """Give the id of each client that says that it is an instance's, and of which; page by page."""
    first = 0
    while page := await connection.get("/clients", first=first, max=CLIENTS_A_PAGE):
        for client in page:
            instance_id = (client.get("attributes") or {}).get(INSTANCE)
            if instance_id:
                yield str(client["clientId"]), str(instance_id)
        first += len(page)


async def remove_instance_client(connection: KeycloakConnection, instance_id: str) -> bool:
    """Remove the client, its roles and their assignments; False where there was none."""
    found = await find_client(connection, instance_client_id(instance_id))
    if found is None:
        return False
    try:
        await connection.delete(f"/clients/{found['id']}")
    except KeycloakRefused as refusal:
        if refusal.status != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


async def close_instance_client(connection: KeycloakConnection, instance_id: str) -> bool:
    """Let nobody sign in, and end what was given out; False where there is no client. Ensuring the client opens it.

    Refreshing a token that was given out before fails for good (`notBefore`), after it is opened again too. The
    person's session with Keycloak itself stays: it is that of the other tools as well.
    """
    found = await find_client(connection, instance_client_id(instance_id))
    if found is None:
        return False
    await connection.put(f"/clients/{found['id']}", found | {"enabled": False, "notBefore": int(now().timestamp())})
    return True


async def assign_roles(
    connection: KeycloakConnection, instance_id: str, assignments: Mapping[str, Sequence[str]]
) -> bool:
    """Give each subject exactly these roles of the instance; True where anything was changed.

    Takes the account `catalog-people`. Subjects that are not named keep what they have.
    """
    below = f"role-mappings/clients/{instance_id}"
    # Reading what somebody holds takes the right to read every client's secret. What can still be given does not, and
    # this account itself holds none of these roles: so what can be given to it is all there are.
    known = await _available(connection, f"/users/{await connection.subject()}/{below}")
    changed = False
    for subject, roles in sorted(assignments.items()):
        unknown = sorted(set(roles) - known.keys())
        if unknown:
            why = f"the instance has no role {', '.join(unknown)}"
            raise KeycloakRefused(what=f"roles of instance {instance_id}", status=HTTPStatus.NOT_FOUND, why=why)
        path = f"/users/{subject}/{below}"
        held = known.keys() - (await _available(connection, path)).keys()
        if set(roles) - held:
            await connection.post(path, [known[name] for name in sorted(set(roles) - held)])
        if held - set(roles):
            await connection.delete(path, [known[name] for name in sorted(held - set(roles))])
        changed = changed or held != set(roles)
    return changed


async def _available(connection: KeycloakConnection, path: str) -> dict[str, Any]:
    return {role["name"]: role for role in await connection.get(f"{path}/available")}


async def _converge(connection: KeycloakConnection, spec: InstanceClientSpec) -> InstanceClient:
    reconciler = Reconciler(connection, apply=True)
    client = await _reconcile(reconciler, spec)
    client_id = instance_client_id(spec.instance_id)
    if client is None:
        raise LookupError(client_id)
    secret = await _secret(connection, client)
    return InstanceClient(client_id=client_id, secret=secret, changed=bool(reconciler.found))


async def _reconcile(
    reconciler: Reconciler, spec: InstanceClientSpec, *, enabled: bool = True
) -> Representation | None:
    """Bring the client to what `spec` says, or note what differs; gives it where it is there by then."""
    client_id = instance_client_id(spec.instance_id)
    client = await reconcile_client(
        reconciler,
        _representation(spec, client_id) | {"enabled": enabled},
        mappers=(audience_mapper("audience", client_id), groups_mapper(client_id)),
        default_scopes=DEFAULT_SCOPES,
        optional_scopes=OPTIONAL_SCOPES,
    )
    if client is not None:
        await _reconcile_roles(reconciler, client, spec.roles)
    return client


async def _secret(connection: KeycloakConnection, client: Representation) -> str:
    return str((await connection.get(f"/clients/{client['id']}/client-secret"))["value"])


def _representation(spec: InstanceClientSpec, client_id: str) -> Representation:
    return NO_GRANTS | {
        # Keycloak's own id too, so that roles can be given by an account that may not look through clients.
        "id": spec.instance_id,
        "clientId": client_id,
        "name": spec.name,
        "baseUrl": spec.base_url,
        "rootUrl": "",
        "standardFlowEnabled": True,
        "redirectUris": list(spec.redirect_uris),
        "attributes": NO_GRANT_ATTRIBUTES
        | {
            INSTANCE: spec.instance_id,
            ORGANIZATIONS: " ".join(sorted(spec.organization_ids)),
            ACCESS: "organizations",
            GRANTS: "",
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": "##".join(spec.post_logout_uris),
            "backchannel.logout.url": spec.backchannel_logout_url or "",
            "backchannel.logout.session.required": "true",
        },
    }


async def _reconcile_roles(reconciler: Reconciler, client: Representation, roles: tuple[str, ...]) -> None:
    client_id, path = client["clientId"], f"/clients/{client['id']}/roles"
    existing = {role["name"] for role in await reconciler.connection.get(path)}
    for name in sorted(existing ^ set(roles)):
        is_there = name in existing
        if not reconciler.differs(
            "client-role",
            client_id,
            f"Set role {name} of client {client_id}.",
            f"Role {name} of {client_id} differs.",
            (Part(name, name if is_there else None, None if is_there else name),),
        ):
            continue
        if is_there:
            await reconciler.connection.delete(f"{path}/{name}")
        else:
            await reconciler.connection.post(path, {"name": name})
