"""What the API gives out of instances. No address of a host is among it."""

import datetime as dt
from typing import Any
from uuid import UUID

import msgspec

from catalog.instances.service import InstanceView
from catalog.members.tables import Member
from catalog.platform.i18n import Language, Text
from catalog.sites.tables import Site
from catalog.tools.tables import ToolRevision


class MemberReference(msgspec.Struct, frozen=True):
    """Whose it is."""

    id: UUID
    alias: str
    name: str


class SitePlace(msgspec.Struct, frozen=True):
    """The data centre: where it stands, and who runs it."""

    slug: str
    name: str
    city: str
    province: str
    operator: str


class Owner(msgspec.Struct, frozen=True):
    """Who answers for the instance at the member."""

    name: str
    email: str


class AppliedRevision(msgspec.Struct, frozen=True):
    """A revision of the tool's automation, with the parameters that go with it."""

    number: int
    version: str
    parameters: dict[str, Any]


class InstanceLinks(msgspec.Struct, frozen=True):
    """Where to go on: `access` is where people use it, `runs` what was done to it."""

    self: str
    access: str
    runs: str
    tool: str


class InstanceOut(msgspec.Struct, frozen=True):
    """One running tool of one member.

    `desired` is what was decided, `applied` what the last successful run set up (null before the first).
    `found_version` is the tool's version that its last run found on the host. `attention` says what a person should
    look at. `version` is the `ETag`.
    """

    id: UUID
    member: MemberReference
    tool: str
    hostname: str
    url: str
    state: str
    attention: str | None
    plan: str
    purpose: str
    owner: Owner
    language: str
    ends_on: dt.date | None
    reference: str | None
    labels: dict[str, str]
    site: SitePlace
    desired: AppliedRevision
    applied: AppliedRevision | None
    applied_at: dt.datetime | None
    found_version: str | None
    created_at: dt.datetime
    version: int
    links: InstanceLinks


def instance_out(view: InstanceView, language: Language) -> InstanceOut:
    """Write an instance for the API."""
    instance = view.instance
    url = f"https://{instance.hostname}"
    return InstanceOut(
        id=instance.id,
        member=member_reference(view.member, language),
        tool=instance.tool_slug,
        hostname=instance.hostname,
        url=url,
        state=instance.state,
        attention=instance.attention,
        plan=instance.plan,
        purpose=instance.purpose,
        owner=Owner(instance.owner_name, instance.owner_email),
        language=instance.language,
        ends_on=instance.ends_on,
        reference=instance.reference,
        labels=instance.labels,
        site=site_place(view.site, language),
        desired=_revision(view.desired, instance.desired_parameters),
        applied=None if view.applied is None else _revision(view.applied, instance.applied_parameters or {}),
        applied_at=instance.applied_at,
        found_version=instance.found_version,
        created_at=instance.created_at,
        version=instance.version,
        links=InstanceLinks(
            self=f"/v1/instances/{instance.id}",
            access=f"{url}/",
            runs=f"/v1/runs?instance={instance.id}",
            tool=f"/v1/tools/{instance.tool_slug}",
        ),
    )


def member_reference(member: Member, language: Language) -> MemberReference:
    """Write whose something is."""
    return MemberReference(member.id, member.alias, Text(en=member.name_en, fr=member.name_fr).into(language))


def site_place(site: Site, language: Language) -> SitePlace:
    """Write where something stands."""
    name = Text(en=site.name_en, fr=site.name_fr).into(language)
    return SitePlace(site.slug, name, site.city, site.province, site.operator)


def _revision(revision: ToolRevision, parameters: dict[str, Any]) -> AppliedRevision:
    return AppliedRevision(revision.number, revision.version, parameters)
