"""What a revision's automation declares: sizes, sign-on, ports, secrets, actions. Texts for people are in `listing`."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from catalog.platform.i18n import Text
from catalog.tools.tables import ToolRevision

Slug = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*\Z", max_length=40)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\Z", max_length=40)]
UrlPath = Annotated[str, Meta(pattern=r"^/[A-Za-z0-9._~/-]*\Z", max_length=200)]
Positive = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Cents = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Minutes = Annotated[int, Meta(ge=1, le=24 * 60)]
Hour = Annotated[int, Meta(ge=0, le=23)]
DataClass = Literal["public", "internal", "personal", "sensitive"]
Place = Literal["host", "co-op"]


class FilledText(Text, frozen=True, forbid_unknown_fields=True):
    """A text that is empty in neither language."""

    en: Annotated[str, Meta(min_length=1, max_length=8000)]
    fr: Annotated[str, Meta(min_length=1, max_length=8000)]


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A size of the tool: for how many people, what it takes of its host, what it costs a month (cents).

    `cpu_percent` counts 100 a core. `backup_hour`: at which hour of its site's clocks it is backed up each day, if it
    is; a worker of a version that does not know it reads manifests that leave it out.
    """

    slug: Slug
    people: Positive
    memory_mb: Positive
    cpu_percent: Positive
    disk_mb: Positive
    monthly_cost_cents: Cents
    backup_hour: Hour | None = None


class SignOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How people get in: by the tool's own OpenID Connect (`oidc`) or by the gateway in front of it (`gateway`).

    `roles` are the tool's own, strongest first; whoever holds none has `default_role`, which may be none.
    """

    kind: Literal["gateway", "oidc"]
    redirect_paths: Annotated[tuple[UrlPath, ...], Meta(min_length=1)]
    roles: Annotated[tuple[Slug, ...], Meta(min_length=1)]
    longest_session_minutes: Minutes
    post_logout_paths: tuple[UrlPath, ...] = ()
    backchannel_logout_path: UrlPath | None = None
    default_role: Slug | None = None
    anonymous_reading: bool = False


class Residency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a component keeps its data: on the instance's own host, or with the co-op's shared services."""

    component: FilledText
    place: Place


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A playbook that the bundle brings, and how long it may take."""

    timeout_minutes: Minutes


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The automation part of `tool.yaml`, frozen with each revision."""

    contract: Literal[1]
    slug: Slug
    version: str
    plans: tuple[Plan, ...]
    sign_on: SignOn
    ports: tuple[Name, ...]
    secrets: tuple[Name, ...]
    runs_code: bool
    data_classes: tuple[DataClass, ...]
    residency: tuple[Residency, ...]
    actions: dict[str, Action]

    def plan(self, slug: str) -> Plan | None:
        """Give the plan of that name, if there is one."""
        return next((plan for plan in self.plans if plan.slug == slug), None)


def manifest_of(revision: ToolRevision) -> Manifest:
    """Read the manifest that was frozen with `revision`."""
    return msgspec.convert(revision.manifest, Manifest)
