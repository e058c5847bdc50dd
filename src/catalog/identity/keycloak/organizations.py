"""Members as Keycloak Organizations, known by their id and never by their alias."""

from typing import Any

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.errors import KeycloakRefused
from catalog.identity.keycloak.reconciling import same
from catalog.identity.keycloak.specs import HELP_DESK, MEMBER, OrganizationId, OrganizationSpec


async def ensure_organization(connection: KeycloakConnection, spec: OrganizationSpec) -> OrganizationId:
    """Make the member's organization, or bring name, domains and help desk up to date; gives its id.

    It is looked for by the stored id, then by the member's own id in its attributes. An organization that merely has
    the same alias is somebody else's: that is a `KeycloakRefused` (409). Whether it is enabled is left as it is.
    """
    found = await _find(connection, spec)
    attributes = {MEMBER: [spec.member_id], HELP_DESK: [spec.help_desk] if spec.help_desk else []}
    if found is None:
        body = {
            "alias": spec.alias,
            "name": spec.name,
            "enabled": True,
            "domains": [{"name": domain} for domain in spec.domains],
            "attributes": {name: values for name, values in attributes.items() if values},
        }
        return OrganizationId(str(await connection.post("/organizations", body)))
    identifier = str(found["id"])
    domains = {domain["name"]: domain for domain in found.get("domains") or []}
    kept = dict(found.get("attributes") or {})
    wanted = {name: values for name, values in (kept | attributes).items() if values}
    if found["name"] != spec.name or set(domains) != set(spec.domains) or not _equal(kept, wanted):
        body = found | {
            "name": spec.name,
            "domains": [domains.get(domain, {"name": domain}) for domain in spec.domains],
            "attributes": wanted,
        }
        await connection.put(f"/organizations/{identifier}", body)
    return OrganizationId(identifier)


async def _find(connection: KeycloakConnection, spec: OrganizationSpec) -> dict[str, Any] | None:
    if spec.organization_id is not None:
        stored: dict[str, Any] | None = await connection.find(f"/organizations/{spec.organization_id}")
        if stored is not None:
            return stored
    found = await connection.get("/organizations", q=f"{MEMBER}:{spec.member_id}", briefRepresentation=False)
    if len(found) > 1:
        raise KeycloakRefused(what=f"organization of member {spec.member_id}", status=409, why="there are several")
    return dict(found[0]) if found else None


def _equal(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return found.keys() == wanted.keys() and same(found, wanted)
