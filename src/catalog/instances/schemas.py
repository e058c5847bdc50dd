"""What the API gives out of instances. No address of a host is among it."""

import datetime as dt
from typing import Any
from uuid import UUID

import msgspec

from catalog.instances.service import InstanceView
from catalog.instances.tables import Removal
from catalog.instances.terms import latest_extension, next_term_end
from catalog.members.tables import Member
from catalog.platform.clock import now
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


class RemovalOut(msgspec.Struct, frozen=True):
    """Somebody removed the instance: it is purged after `purge_at`, unless that is taken back before.

    `suspends` is false where the tool can't be suspended (it stays in use until then) or was never in use.
    `purge_run` is the run that deletes it, once it has begun.
    """

    reason: str
    asked_by: str
    asked_at: dt.datetime
    purge_at: dt.datetime
    suspends: bool
    purge_run: UUID | None


class EndingOut(msgspec.Struct, frozen=True):
    """What the last day means: people are told 60 and 14 days before (`noticed`), and the day after it is suspended.

    `ended`: that was done. `extends_to` is what an extension without a date gives, `latest` the furthest that one may.
    """

    noticed: list[int]
    ended: bool
    extends_to: dt.date
    latest: dt.date


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
    look at. `ends_on` is its last day, `ending` what comes of that. `removal` is there while one stands. `version` is
    the `ETag`.
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
    ending: EndingOut | None
    removal: RemovalOut | None
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
        ending=_ending(view),
        removal=_removal(view.removal),
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


def _ending(view: InstanceView) -> EndingOut | None:
    ends_on = view.instance.ends_on
    if ends_on is None:
        return None
    today = now().astimezone(view.site.zone).date()
    return EndingOut(
        noticed=sorted(view.noticed - {0}, reverse=True),
        ended=0 in view.noticed,
        extends_to=next_term_end(max(ends_on, today)),
        latest=latest_extension(today),
    )


def _removal(removal: Removal | None) -> RemovalOut | None:
    if removal is None:
        return None
    return RemovalOut(
        reason=removal.reason,
        asked_by=removal.asked_by,
        asked_at=removal.created_at,
        purge_at=removal.purge_at,
        suspends=removal.suspends,
        purge_run=removal.purge_run_id,
    )


def _revision(revision: ToolRevision, parameters: dict[str, Any]) -> AppliedRevision:
    return AppliedRevision(revision.number, revision.version, parameters)
