"""The co-op's realm as a whole: what it should be, set by `sync_realm` and looked at by `check_realm`."""

from typing import Any

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.flows import reconcile_flows
from catalog.identity.keycloak.policies import reconcile_policies
from catalog.identity.keycloak.realm_clients import reconcile_realm_clients
from catalog.identity.keycloak.reconciling import Change, Lack, Reconciler, differing, merged
from catalog.identity.keycloak.server import check_server
from catalog.identity.keycloak.specs import RealmSpec

DAY_SECONDS = 86_400
EVENTS_KEPT_SECONDS = 90 * DAY_SECONDS
ORGANIZATION_SCOPE: dict[str, Any] = {
    "name": "organization",
    "protocol": "openid-connect",
    "attributes": {"include.in.token.scope": "true"},
    "protocolMappers": [
        {
            "name": "organization",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-organization-membership-mapper",
            "config": {
                "claim.name": "organization",
                "jsonType.label": "JSON",
                "multivalued": "true",
                "addOrganizationId": "true",
                "addOrganizationAttributes": "false",
                "id.token.claim": "true",
                "access.token.claim": "true",
                "introspection.token.claim": "true",
                "userinfo.token.claim": "true",
            },
        }
    ],
}


async def sync_realm(connection: KeycloakConnection, spec: RealmSpec) -> list[Change]:
    """Bring the realm to what it should be; gives what was changed, which is nothing the second time.

    Takes an account that administers the realm, or one that may create it. The provider and the theme must be
    installed: see `catalog.identity.keycloak.server.check_server`.
    """
    reconciler = Reconciler(connection, apply=True)
    await _reconcile(reconciler, spec)
    return reconciler.changes


async def check_realm(connection: KeycloakConnection, spec: RealmSpec) -> list[Lack]:
    """Say what Keycloak and the realm lack, without changing anything."""
    reconciler = Reconciler(connection, apply=False)
    lacks = await check_server(connection, spec)
    await _reconcile(reconciler, spec)
    lacks += reconciler.lacks
    if not any(lack.code == "realm-missing" for lack in lacks):
        lacks += await _check_identity_providers(connection, spec)
    return lacks


def realm_settings(spec: RealmSpec) -> dict[str, Any]:
    """List what is set of the realm itself. Times are in seconds."""
    return {
        "enabled": True,
        "displayName": spec.display_name,
        "sslRequired": "all",
        "organizationsEnabled": True,
        "registrationAllowed": False,
        "resetPasswordAllowed": False,
        "rememberMe": False,
        "loginWithEmailAllowed": True,
        "duplicateEmailsAllowed": False,
        "editUsernameAllowed": False,
        "internationalizationEnabled": True,
        "supportedLocales": ["en", "fr"],
        "defaultLocale": "en",
        "loginTheme": spec.theme,
        "passwordPolicy": "length(14) and maxLength(128) and notUsername(undefined) and notEmail(undefined)",
        "bruteForceProtected": True,
        "permanentLockout": False,
        "failureFactor": 8,
        "waitIncrementSeconds": 60,
        "maxFailureWaitSeconds": 900,
        "maxDeltaTimeSeconds": DAY_SECONDS // 2,
        "accessTokenLifespan": 300,
        "ssoSessionIdleTimeout": 1_800,
        "ssoSessionMaxLifespan": 36_000,
        "accessCodeLifespan": 60,
        "accessCodeLifespanLogin": 1_800,
        "accessCodeLifespanUserAction": 300,
        "offlineSessionMaxLifespanEnabled": True,
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
        "oauth2DeviceCodeLifespan": 600,
        "oauth2DevicePollingInterval": 5,
        "eventsEnabled": True,
        "eventsExpiration": EVENTS_KEPT_SECONDS,
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": False,
        "attributes": {"adminEventsExpiration": str(EVENTS_KEPT_SECONDS)},
    }


def flow_bindings(spec: RealmSpec) -> dict[str, Any]:
    """Say which flow is used when."""
    return {"browserFlow": spec.browser_flow, "firstBrokerLoginFlow": spec.first_broker_flow}


async def _reconcile(reconciler: Reconciler, spec: RealmSpec) -> None:
    connection = reconciler.connection
    if await connection.find("") is None:
        if not reconciler.differs(
            "realm-missing", spec.realm, f"Created realm {spec.realm}.", f"Realm {spec.realm} is missing."
        ):
            return
        await connection.server("POST", "/realms", {"realm": spec.realm} | realm_settings(spec))
        await connection.renew()
    await _reconcile_settings(reconciler, spec, realm_settings(spec))
    await _reconcile_organization_scope(reconciler)
    await reconcile_flows(reconciler, spec)
    await reconcile_policies(reconciler)
    await _reconcile_settings(reconciler, spec, flow_bindings(spec))
    await reconcile_realm_clients(reconciler, spec)


async def _reconcile_settings(reconciler: Reconciler, spec: RealmSpec, desired: dict[str, Any]) -> None:
    found = await reconciler.connection.get("")
    wrong = differing(found, desired)
    mend = [
        reconciler.differs(
            "realm-setting",
            name,
            f"Set {name} of realm {spec.realm}.",
            f"{name} of realm {spec.realm} is not as it should be.",
        )
        for name in wrong
    ]
    if any(mend):
        await reconciler.connection.put("", merged(found, desired))


async def _reconcile_organization_scope(reconciler: Reconciler) -> None:
    """Let the `organization` claim carry ids: an alias can be used again by somebody else."""
    connection = reconciler.connection
    scopes = await connection.get("/client-scopes")
    scope = next((one for one in scopes if one["name"] == ORGANIZATION_SCOPE["name"]), None)
    desired = ORGANIZATION_SCOPE["protocolMappers"][0]
    mappers = (scope or {}).get("protocolMappers") or []
    mapper = next((one for one in mappers if one["protocolMapper"] == desired["protocolMapper"]), None)
    if mapper is not None and not differing(mapper, desired):
        return
    if not reconciler.differs(
        "organization-scope",
        "organization",
        "Put ids into the organization claim.",
        "The organization claim has no ids.",
    ):
        return
    if scope is None:
        await connection.post("/client-scopes", ORGANIZATION_SCOPE)
        return
    path = f"/client-scopes/{scope['id']}/protocol-mappers/models"
    if mapper is None:
        await connection.post(path, desired)
    else:
        await connection.put(f"{path}/{mapper['id']}", merged(mapper, desired))


async def _check_identity_providers(connection: KeycloakConnection, spec: RealmSpec) -> list[Lack]:
    """Find those that let their people past the membership step."""
    return [
        Lack(
            "identity-provider-flow",
            provider["alias"],
            f"The identity provider {provider['alias']} lets its people past the flow {spec.post_broker_flow!r}.",
        )
        for provider in await connection.get("/identity-provider/instances")
        if provider.get("postBrokerLoginFlowAlias") != spec.post_broker_flow
    ]
