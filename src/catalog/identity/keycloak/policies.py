"""The client policy by which every client's tokens go past the membership executor."""

from typing import Any

from catalog.identity.keycloak.reconciling import Reconciler, same
from catalog.identity.keycloak.specs import MEMBERSHIP, MEMBERSHIP_EXECUTOR

PROFILE: dict[str, Any] = {
    "name": MEMBERSHIP,
    "description": "Tokens only for those whom the client admits, by the grants that it lists",
    "executors": [{"executor": MEMBERSHIP_EXECUTOR, "configuration": {}}],
}
POLICY: dict[str, Any] = {
    "name": MEMBERSHIP,
    "description": "Every client of the realm",
    "enabled": True,
    "conditions": [{"condition": "any-client", "configuration": {}}],
    "profiles": [MEMBERSHIP],
}


async def reconcile_policies(reconciler: Reconciler) -> None:
    """Set the profile, then the policy that puts it in force. Others that operators made stay."""
    await _reconcile(reconciler, "profiles", PROFILE)
    await _reconcile(reconciler, "policies", POLICY)


async def _reconcile(reconciler: Reconciler, kind: str, desired: dict[str, Any]) -> None:
    path = f"/client-policies/{kind}"
    listed = (await reconciler.connection.get(path)).get(kind) or []
    found = next((one for one in listed if one["name"] == desired["name"]), None)
    if found is not None and same(found, desired):
        return
    if reconciler.differs(
        f"client-{kind}",
        MEMBERSHIP,
        f"Set {MEMBERSHIP} of the client {kind}.",
        f"The client {kind} lack {MEMBERSHIP}, or it is off or was changed: tokens are given without a look.",
    ):
        others = [one for one in listed if one["name"] != desired["name"]]
        await reconciler.connection.put(path, {kind: [*others, desired]})
