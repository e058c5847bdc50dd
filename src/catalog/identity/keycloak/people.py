"""People who sign in with a password of the realm's own."""

from typing import Any

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.reconciling import differing, merged
from catalog.identity.keycloak.specs import PersonSpec


async def ensure_person(connection: KeycloakConnection, spec: PersonSpec) -> str:
    """Make the account, or bring its names and address up to date; gives its subject.

    Takes the account `catalog-people`. Memberships are added and never taken away: Keycloak deletes the account of
    some members together with their membership.
    """
    desired: dict[str, Any] = {
        "username": spec.username,
        "email": spec.email,
        "emailVerified": True,
        "enabled": True,
        "firstName": spec.given_name,
        "lastName": spec.family_name,
        "attributes": {"locale": [spec.locale]},
    }
    found = await connection.get("/users", username=spec.username, exact=True)
    if found:
        subject = str(found[0]["id"])
        account = await connection.get(f"/users/{subject}")
        if differing(account, desired):
            await connection.put(f"/users/{subject}", merged(account, desired))
    else:
        credential = {"type": "password", "value": spec.password, "temporary": False}
        subject = str(await connection.post("/users", desired | {"credentials": [credential]}))
    await _join(connection, subject, spec.organization_ids)
    return subject


async def _join(connection: KeycloakConnection, subject: str, organization_ids: tuple[str, ...]) -> None:
    joined = {one["id"] for one in await connection.get(f"/organizations/members/{subject}/organizations")}
    for identifier in organization_ids:
        if identifier not in joined:
            await connection.post(f"/organizations/{identifier}/members", subject)


async def find_member_by_email(connection: KeycloakConnection, organization_id: str, email: str) -> str | None:
    """Give the subject of the organization's member with this verified address; none where there is nobody."""
    found = await connection.get(f"/organizations/{organization_id}/members", search=email, exact=True)
    for account in found:
        if str(account.get("email", "")).casefold() == email.casefold() and account.get("emailVerified"):
            return str(account["id"])
    return None
