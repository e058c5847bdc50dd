"""Reads what a run acts on: an instance as it was frozen with the run, with all that its playbooks are told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from catalog.identity.keycloak.instance_clients import instance_client_id
from catalog.instances.secrets import CLIENT_SECRET
from catalog.instances.tables import Instance, Port
from catalog.members.tables import Member
from catalog.platform.i18n import Text
from catalog.platform.ids import instance_key
from catalog.runs.ansible.workspace import Target
from catalog.runs.attempts import Claim
from catalog.runs.failures import Problem, StepFailed
from catalog.sites.tables import Host
from catalog.tools.manifest import Manifest, manifest_of
from catalog.tools.tables import ToolRevision

TLS = "/etc/coop-catalog/tls"
ORGANIZATION_SCOPE = "organization:*"
ROLES_CLAIM = "groups"

_NO_ORGANIZATION = Problem(
    code="sign-on-not-ready",
    title=Text(en="The member’s sign-on is not made yet", fr="La connexion du membre n’est pas encore faite"),
    detail=Text(
        en="Its run must succeed first: see the runs of the member, then try this again.",
        fr="Son exécution doit d’abord réussir : voyez celles du membre, puis réessayez.",
    ),
)


@dataclass(frozen=True)
class Subject:
    """An instance as a run sees it. `parameters`, `plan`, `hostname` and revision are those of the run's input.

    `action_input` is what a tool's own action is given.
    """

    instance: Instance
    member: Member
    host: Host
    revision: ToolRevision
    manifest: Manifest
    ports: Mapping[str, int]
    parameters: Mapping[str, Any]
    plan: str
    action_input: Mapping[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where people use it."""
        return f"https://{self.instance.hostname}"

    @property
    def target(self) -> Target:
        """Where Ansible reaches its host."""
        return Target(self.host.address, self.host.ssh_port, self.host.ssh_host_key)

    def organization_ids(self) -> tuple[str, ...]:
        """Give the Organizations whose people may sign in. Raises `StepFailed` where the member has none yet."""
        if self.member.organization_id is None:
            raise StepFailed(_NO_ORGANIZATION)
        return (self.member.organization_id,)

    def addresses(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Give full addresses of the tool's own paths."""
        return tuple(f"{self.url}{path}" for path in paths)


async def read_subject(session: AsyncSession, claim: Claim, *, archive: bool = True) -> Subject:
    """Read it, by default with the revision's archive."""
    instance = await session.get_one(Instance, claim.subject_id)
    options = [undefer(ToolRevision.archive)] if archive else []
    revision = await session.get_one(ToolRevision, UUID(claim.input["revision_id"]), options=options)
    ports = await session.scalars(sa.select(Port).where(Port.instance_id == instance.id))
    return Subject(
        instance=instance,
        member=await session.get_one(Member, instance.member_id),
        host=await session.get_one(Host, UUID(claim.input["host_id"])),
        revision=revision,
        manifest=manifest_of(revision),
        ports={port.name: port.number for port in ports},
        parameters=claim.input["parameters"],
        plan=claim.input["plan"],
        action_input=claim.input.get("input", {}),
    )


def variables(subject: Subject, attempt: int, issuer: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Give what every playbook of a bundle is told (the bundle contract)."""
    key = instance_key(subject.instance.id)
    return {
        "instance": _instance(subject, attempt, key),
        "parameters": dict(subject.parameters),
        "input": dict(subject.action_input),
        "sso": _sign_on(subject, issuer, secrets),
        "tls": {"certificate": f"{TLS}/certificate.pem", "key": f"{TLS}/key.pem", "ca": f"{TLS}/ca.pem"},
        "secrets": {name: secrets[name] for name in subject.manifest.secrets if name in secrets},
        "ports": dict(subject.ports),
        "paths": {"home": f"/srv/coop/{key}", "state": f"/var/lib/coop/{key}"},
    }


def _instance(subject: Subject, attempt: int, key: str) -> dict[str, Any]:
    instance, member = subject.instance, subject.member
    plan = subject.manifest.plan(subject.plan)
    if plan is None:
        raise LookupError(subject.plan)
    return {
        "id": str(instance.id),
        "name": instance.hostname.partition(".")[0],
        "short": key,
        "hostname": instance.hostname,
        "url": subject.url,
        "tool": instance.tool_slug,
        "language": instance.language,
        "purpose": instance.purpose,
        "plan": {
            "slug": plan.slug,
            "people": plan.people,
            "memory_mb": plan.memory_mb,
            "cpu_percent": plan.cpu_percent,
            "disk_mb": plan.disk_mb,
        },
        "owner": {"name": instance.owner_name, "email": instance.owner_email},
        "member": {
            "id": str(member.id),
            "alias": member.alias,
            "name": member.name_fr if instance.language == "fr" else member.name_en,
        },
        "attempt": attempt,
    }


def _sign_on(subject: Subject, issuer: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    sign_on = subject.manifest.sign_on
    member = subject.member
    organizations = [] if member.organization_id is None else [{"id": member.organization_id, "alias": member.alias}]
    return {
        "issuer": issuer,
        "client_id": instance_client_id(str(subject.instance.id)),
        "client_secret": secrets.get(CLIENT_SECRET, ""),
        "organization_ids": [one["id"] for one in organizations],
        "organizations": organizations,
        "organization_scope": ORGANIZATION_SCOPE,
        "roles": list(sign_on.roles),
        "default_role": sign_on.default_role,
        "roles_claim": ROLES_CLAIM,
        "anonymous_reading": sign_on.anonymous_reading,
        "redirect_uris": list(subject.addresses(sign_on.redirect_paths)),
        "longest_session_minutes": sign_on.longest_session_minutes,
    }
