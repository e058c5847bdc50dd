"""The authentication flows: who gets past the sign-in page, and past another institution's.

The membership step stands last and REQUIRED. Keycloak ignores alternatives that stand beside a required step, so the
ways to sign in are wrapped in a required flow of their own.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.reconciling import Reconciler
from catalog.identity.keycloak.specs import MEMBERSHIP, RealmSpec

REQUIRED, ALTERNATIVE, CONDITIONAL = "REQUIRED", "ALTERNATIVE", "CONDITIONAL"


@dataclass(frozen=True)
class Step:
    """One step: an execution of a provider, or a flow of further steps, named by its alias."""

    name: str
    requirement: str
    steps: tuple["Step", ...] = ()


@dataclass(frozen=True)
class _Found:
    """A step as Keycloak lists it: `name` is the provider's id, or the alias of a flow."""

    level: int
    name: str
    requirement: str
    execution: dict[str, Any]


def browser_steps(alias: str) -> tuple[Step, ...]:
    """How somebody signs in: by a session, by their institution, or by a password and perhaps a second factor."""
    second_factor = Step(
        f"{alias} second factor",
        CONDITIONAL,
        (
            Step("conditional-user-configured", REQUIRED),
            Step("auth-otp-form", ALTERNATIVE),
            Step("webauthn-authenticator", ALTERNATIVE),
        ),
    )
    organization = Step(
        f"{alias} organization found",
        CONDITIONAL,
        (Step("conditional-user-configured", REQUIRED), Step("organization", ALTERNATIVE)),
    )
    ways = (
        Step("auth-cookie", ALTERNATIVE),
        Step("identity-provider-redirector", ALTERNATIVE),
        Step(f"{alias} organization", ALTERNATIVE, (organization,)),
        Step(f"{alias} form", ALTERNATIVE, (Step("auth-username-password-form", REQUIRED), second_factor)),
    )
    return (Step(f"{alias} sign-in", REQUIRED, ways), Step(MEMBERSHIP, REQUIRED))


def first_broker_steps(alias: str) -> tuple[Step, ...]:
    """Somebody comes from their institution for the first time: an account is made, and joins the organization."""
    joining = (Step("conditional-user-configured", REQUIRED), Step("idp-add-organization-member", REQUIRED))
    return (Step("idp-create-user-if-unique", REQUIRED), Step(f"{alias} organization", CONDITIONAL, joining))


def post_broker_steps() -> tuple[Step, ...]:
    """Whoever comes from another institution goes past the rest of the browser flow: so it is asked here again."""
    return (Step(MEMBERSHIP, REQUIRED),)


async def reconcile_flows(reconciler: Reconciler, spec: RealmSpec) -> None:
    """Make the three flows, or make those anew whose steps were changed by hand."""
    await _reconcile_flow(reconciler, spec.browser_flow, browser_steps(spec.browser_flow))
    await _reconcile_flow(reconciler, spec.post_broker_flow, post_broker_steps())
    await _reconcile_flow(reconciler, spec.first_broker_flow, first_broker_steps(spec.first_broker_flow))


async def _reconcile_flow(reconciler: Reconciler, alias: str, steps: tuple[Step, ...]) -> None:
    connection = reconciler.connection
    existing = {flow["alias"] for flow in await connection.get("/authentication/flows")}
    if alias not in existing:
        if reconciler.differs("flow-missing", alias, f"Created the flow {alias!r}.", f"The flow {alias!r} is missing."):
            flow = {"alias": alias, "description": "", "providerId": "basic-flow", "topLevel": True, "builtIn": False}
            await connection.post("/authentication/flows", flow)
            await _build(connection, alias, steps)
        return
    found = await _listed(connection, alias)
    if [(one.level, one.name, one.requirement) for one in found] == _flat(steps) and not any(map(_configured, found)):
        return
    if reconciler.differs(
        "flow-changed",
        alias,
        f"Made the flow {alias!r} anew, as its steps had been changed.",
        f"The steps of the flow {alias!r} were changed by hand.",
    ):
        for one in found:
            if one.level == 0:
                await connection.delete(f"/authentication/executions/{one.execution['id']}")
        await _build(connection, alias, steps)


def _configured(found: _Found) -> bool:
    """Whether somebody gave the step settings: those that are used here have none."""
    return bool(found.execution.get("authenticationConfig"))


def _flat(steps: tuple[Step, ...], level: int = 0) -> list[tuple[int, str, str]]:
    """List the steps as Keycloak lists them: depth first."""
    result = []
    for step in steps:
        result.append((level, step.name, step.requirement))
        result.extend(_flat(step.steps, level + 1))
    return result


async def _listed(connection: KeycloakConnection, alias: str) -> list[_Found]:
    result = []
    for one in await connection.get(_executions(alias)):
        name = one["displayName"] if one.get("authenticationFlow") else one["providerId"]
        result.append(_Found(one["level"], name, one["requirement"], one))
    return result


async def _build(connection: KeycloakConnection, alias: str, steps: tuple[Step, ...]) -> None:
    """Put the steps in. Each is born disabled; they are switched on from the last to the first.

    Until the very end the flow therefore lets nobody in, and never somebody past the membership step.
    """
    await _create(connection, alias, steps)
    found = await _listed(connection, alias)
    for one, (_, _, requirement) in reversed(list(zip(found, _flat(steps), strict=True))):
        await connection.put(_executions(alias), one.execution | {"requirement": requirement})


async def _create(connection: KeycloakConnection, parent: str, steps: tuple[Step, ...]) -> None:
    for step in steps:
        if step.steps:
            flow = {"alias": step.name, "type": "basic-flow", "provider": "registration-page-form", "description": ""}
            await connection.post(f"{_executions(parent)}/flow", flow)
            await _create(connection, step.name, step.steps)
        else:
            await connection.post(f"{_executions(parent)}/execution", {"provider": step.name})


def _executions(alias: str) -> str:
    return f"/authentication/flows/{quote(alias, safe='')}/executions"
