"""The steps at Keycloak: a member's Organization, an instance's client, and its removal."""

from typing import Any

from catalog.identity.keycloak.instance_clients import (
    close_instance_client,
    ensure_instance_client,
    remove_instance_client,
)
from catalog.identity.keycloak.organizations import ensure_organization
from catalog.identity.keycloak.specs import InstanceClientSpec, OrganizationSpec
from catalog.instances.secrets import CLIENT_SECRET, keep_secret
from catalog.members.service import domains_of
from catalog.members.tables import Member
from catalog.platform.db.scope import OPERATOR
from catalog.runs.context import Step, StepContext
from catalog.runs.steps.owners import give_owner_their_role
from catalog.runs.steps.parts import Parts, keycloak
from catalog.runs.steps.subject import Subject, read_subject


def organization_step(parts: Parts) -> Step:
    """Give the step that makes a member's Organization, and keeps its id with the member."""

    async def step(context: StepContext) -> dict[str, Any]:
        async with context.database.begin(OPERATOR) as session:
            member = await session.get_one(Member, context.claim.subject_id)
            spec = OrganizationSpec(
                member_id=str(member.id),
                alias=member.alias,
                name=member.name_en,
                domains=await domains_of(session, member.id),
                organization_id=member.organization_id,
                help_desk=member.help_desk,
            )
        await context.attempt.renew()
        async with keycloak(parts.clients) as connection:
            organization_id = await ensure_organization(connection, spec)
        async with context.attempt.begin() as (session, _):
            (await session.get_one(Member, member.id)).organization_id = organization_id
        return {"organization_id": organization_id}

    return Step(step)


def identity_step(parts: Parts) -> Step:
    """Give the step that makes the instance's client, which lets in the member's people alone."""

    async def step(context: StepContext) -> dict[str, Any]:
        async with context.database.begin(OPERATOR) as session:
            subject = await read_subject(session, context.claim)
        spec = client_of(subject)
        await context.attempt.renew()
        async with keycloak(parts.clients) as connection:
            client = await ensure_instance_client(connection, spec)
        context.events.hide([client.secret])
        async with context.attempt.begin() as (session, _):
            await keep_secret(session, parts.vault, subject.instance, CLIENT_SECRET, client.secret)
        await context.attempt.renew()
        owner = await give_owner_their_role(parts, subject)
        return {
            "client_id": client.client_id,
            "issuer": parts.issuer,
            "admitted": list(spec.organization_ids),
            "owner_has_role": owner,
        }

    return Step(step)


def remove_identity_step(parts: Parts) -> Step:
    """Give the step that removes the instance's client; nobody gets in from then on."""

    async def step(context: StepContext) -> dict[str, Any]:
        await context.attempt.renew()
        async with keycloak(parts.clients) as connection:
            removed = await remove_instance_client(connection, str(context.claim.subject_id))
        return {"removed": removed}

    return Step(step)


def close_sign_on_step(parts: Parts) -> Step:
    """Give the step that ends everybody's sessions in the instance, and lets nobody sign in until it is resumed."""

    async def step(context: StepContext) -> dict[str, Any]:
        await context.attempt.renew()
        async with keycloak(parts.clients) as connection:
            closed = await close_instance_client(connection, str(context.claim.subject_id))
        return {"closed": closed}

    return Step(step)


def client_of(subject: Subject) -> InstanceClientSpec:
    """Say what the instance's client should be. Raises `StepFailed` where the member has no Organization yet."""
    sign_on = subject.manifest.sign_on
    back = sign_on.backchannel_logout_path
    return InstanceClientSpec(
        instance_id=str(subject.instance.id),
        name=subject.instance.hostname,
        base_url=f"{subject.url}/",
        redirect_uris=subject.addresses(sign_on.redirect_paths),
        post_logout_uris=subject.addresses(sign_on.post_logout_paths),
        backchannel_logout_url=None if back is None else f"{subject.url}{back}",
        roles=sign_on.roles,
        organization_ids=subject.organization_ids(),
    )
