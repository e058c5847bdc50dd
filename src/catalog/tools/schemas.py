"""What the API gives out of the catalog, in one language."""

import datetime as dt
from typing import Any
from uuid import UUID

import msgspec

from catalog.platform.i18n import Language, Text
from catalog.tools.listing import Listing, listing_of
from catalog.tools.manifest import Manifest, manifest_of
from catalog.tools.parameter_schemas import localised
from catalog.tools.tables import Tool, ToolRevision


class PictureOut(msgspec.Struct, frozen=True):
    """Where the picture is, and its text alternative."""

    url: str
    alt: str


class PlanOut(msgspec.Struct, frozen=True):
    """A size of the tool. `cpu_percent` counts 100 a core; the cost is in Canadian cents."""

    slug: str
    name: str
    people: int
    memory_mb: int
    cpu_percent: int
    disk_mb: int
    monthly_cost_cents: int


class RevisionReference(msgspec.Struct, frozen=True):
    """Which revision a new instance gets."""

    number: int
    version: str


class ToolSummary(msgspec.Struct, frozen=True):
    """A tool in the list of those that can be requested."""

    slug: str
    name: str
    summary: str
    picture: PictureOut
    interface_languages: tuple[str, ...]
    data_classes: tuple[str, ...]
    runs_code: bool
    plans: list[PlanOut]
    revision: RevisionReference


class UpstreamOut(msgspec.Struct, frozen=True):
    """Whose software it is; `maintenance` after publiccode.yml, `versions` by Debian release."""

    url: str
    code: str
    licence: str
    maintenance: str
    versions: dict[str, str]


class AccessibilityOut(msgspec.Struct, frozen=True):
    """How accessible the tool is, in short, and a report where there is one."""

    summary: str
    report: str | None


class RoleOut(msgspec.Struct, frozen=True):
    """A role that people can have in the tool."""

    slug: str
    name: str


class SignOnOut(msgspec.Struct, frozen=True):
    """How people get in, and as what."""

    kind: str
    roles: list[RoleOut]
    default_role: str | None
    longest_session_minutes: int
    anonymous_reading: bool


class ResidencyOut(msgspec.Struct, frozen=True):
    """Where a component keeps its data: `host` (the instance's own) or `co-op` (shared services)."""

    component: str
    place: str


class AutomationOut(msgspec.Struct, frozen=True):
    """What a revision's automation declares."""

    plans: list[PlanOut]
    sign_on: SignOnOut
    data_classes: tuple[str, ...]
    residency: list[ResidencyOut]
    runs_code: bool
    actions: list[str]


class ToolOut(msgspec.Struct, frozen=True):
    """A tool with all that people read of it. `revision` and `automation` are null where it can't be requested."""

    slug: str
    name: str
    names: Text
    summary: str
    description: str
    teaching_uses: list[str]
    picture: PictureOut
    upstream: UpstreamOut
    interface_languages: tuple[str, ...]
    accessibility: AccessibilityOut
    revision: RevisionReference | None
    automation: AutomationOut | None


class RevisionSummary(msgspec.Struct, frozen=True):
    """A revision in the list of a tool's revisions. `successor` is the number of what comes instead of it."""

    id: UUID
    number: int
    version: str
    state: str
    digest: str
    ansible_core: str
    published_at: dt.datetime
    successor: int | None


class RevisionOut(RevisionSummary, frozen=True):
    """A revision with the JSON Schema (2020-12) of its parameters, in the asked language.

    `action_schemas` has those of what its own actions take, by action; an action that is not there takes nothing.
    """

    automation: AutomationOut
    parameters_schema: dict[str, Any]
    action_schemas: dict[str, dict[str, Any]]


def tool_summary(tool: Tool, revision: ToolRevision, language: Language) -> ToolSummary:
    """Write a tool that can be requested for the list."""
    listing, manifest = listing_of(tool), manifest_of(revision)
    return ToolSummary(
        slug=tool.slug,
        name=listing.name.into(language),
        summary=listing.summary.into(language),
        picture=_picture(tool, listing, language),
        interface_languages=listing.interface_languages,
        data_classes=manifest.data_classes,
        runs_code=manifest.runs_code,
        plans=_plans(manifest, listing, language),
        revision=RevisionReference(number=revision.number, version=revision.version),
    )


def tool_out(tool: Tool, revision: ToolRevision | None, language: Language) -> ToolOut:
    """Write one tool, with its current revision where it has one."""
    listing = listing_of(tool)
    upstream = listing.upstream
    return ToolOut(
        slug=tool.slug,
        name=listing.name.into(language),
        names=listing.name,
        summary=listing.summary.into(language),
        description=listing.description.into(language),
        teaching_uses=[use.into(language) for use in listing.teaching_uses],
        picture=_picture(tool, listing, language),
        upstream=UpstreamOut(upstream.url, upstream.code, upstream.licence, upstream.maintenance, upstream.versions),
        interface_languages=listing.interface_languages,
        accessibility=AccessibilityOut(listing.accessibility.summary.into(language), listing.accessibility.report),
        revision=None if revision is None else RevisionReference(revision.number, revision.version),
        automation=None if revision is None else _automation(manifest_of(revision), listing, language),
    )


def revision_summary(revision: ToolRevision, numbers: dict[UUID, int]) -> RevisionSummary:
    """Write a revision for the list; `numbers` are those of the tool's revisions by id."""
    return RevisionSummary(**_revision_fields(revision, numbers))


def revision_out(tool: Tool, revision: ToolRevision, numbers: dict[UUID, int], language: Language) -> RevisionOut:
    """Write one revision with its form."""
    return RevisionOut(
        **_revision_fields(revision, numbers),
        automation=_automation(manifest_of(revision), listing_of(tool), language),
        parameters_schema=localised(revision.parameters_schema, language),
        action_schemas={action: localised(schema, language) for action, schema in revision.action_schemas.items()},
    )


def _revision_fields(revision: ToolRevision, numbers: dict[UUID, int]) -> dict[str, Any]:
    return {
        "id": revision.id,
        "number": revision.number,
        "version": revision.version,
        "state": revision.state,
        "digest": revision.digest,
        "ansible_core": revision.ansible_core,
        "published_at": revision.created_at,
        "successor": None if revision.successor_id is None else numbers[revision.successor_id],
    }


def _automation(manifest: Manifest, listing: Listing, language: Language) -> AutomationOut:
    sign_on = manifest.sign_on
    return AutomationOut(
        plans=_plans(manifest, listing, language),
        sign_on=SignOnOut(
            kind=sign_on.kind,
            roles=[RoleOut(slug, listing.role_name(slug, language)) for slug in sign_on.roles],
            default_role=sign_on.default_role,
            longest_session_minutes=sign_on.longest_session_minutes,
            anonymous_reading=sign_on.anonymous_reading,
        ),
        data_classes=manifest.data_classes,
        residency=[ResidencyOut(part.component.into(language), part.place) for part in manifest.residency],
        runs_code=manifest.runs_code,
        actions=sorted(manifest.actions),
    )


def _plans(manifest: Manifest, listing: Listing, language: Language) -> list[PlanOut]:
    return [
        PlanOut(
            slug=plan.slug,
            name=listing.plan_name(plan.slug, language),
            people=plan.people,
            memory_mb=plan.memory_mb,
            cpu_percent=plan.cpu_percent,
            disk_mb=plan.disk_mb,
            monthly_cost_cents=plan.monthly_cost_cents,
        )
        for plan in manifest.plans
    ]


def _picture(tool: Tool, listing: Listing, language: Language) -> PictureOut:
    return PictureOut(url=f"/v1/tools/{tool.slug}/picture", alt=listing.picture.alt.into(language))
