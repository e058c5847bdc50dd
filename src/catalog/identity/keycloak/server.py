"""What the Keycloak server itself must have, whatever the realm."""

from typing import Any

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.reconciling import Lack
from catalog.identity.keycloak.specs import MEMBERSHIP, MEMBERSHIP_EXECUTOR, OLDEST_KEYCLOAK, RealmSpec


async def check_server(connection: KeycloakConnection, spec: RealmSpec) -> list[Lack]:
    """Look at the version, the membership provider and the theme."""
    server: dict[str, Any] = await connection.server("GET", "/serverinfo")
    lacks = []
    version = str((server.get("systemInfo") or {}).get("version") or "")
    if version and _numbers(version) < OLDEST_KEYCLOAK:
        oldest = ".".join(map(str, OLDEST_KEYCLOAK))
        lacks.append(Lack("keycloak-too-old", version, f"Keycloak {version} is too old: it takes {oldest} or newer."))
    providers = server.get("providers") or {}
    for kind, name in (("authenticator", MEMBERSHIP), ("client-policy-executor", MEMBERSHIP_EXECUTOR)):
        if name not in ((providers.get(kind) or {}).get("providers") or {}):
            sentence = f"Keycloak has no {kind} {name}: install keycloak/membership and build Keycloak again."
            lacks.append(Lack("provider-missing", name, sentence))
    themes = {theme["name"] for theme in (server.get("themes") or {}).get("login") or []}
    if spec.theme not in themes:
        sentence = f"Keycloak has no login theme {spec.theme}: install keycloak/theme."
        lacks.append(Lack("theme-missing", spec.theme, sentence))
    return lacks


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
