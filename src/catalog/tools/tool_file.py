"""`tool.yaml`, as a bundle's author writes it; read strictly, with errors that say where.

What people read of it becomes the `Listing`, what the automation declares the `Manifest`.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta

from catalog.tools.errors import BundleRefused
from catalog.tools.listing import Accessibility, Listing, Picture, Upstream
from catalog.tools.manifest import (
    Action,
    DataClass,
    FilledText,
    Manifest,
    Minutes,
    Name,
    Plan,
    Residency,
    SignOn,
    Slug,
    UrlPath,
)

FILE_NAME = "tool.yaml"
NEEDED_ACTIONS = ("provision", "verify", "deprovision")

FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=100)]
Version = Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+){0,3}([-+][0-9A-Za-z.-]+)?\Z", max_length=50)]
LanguageTag = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")]


class WrittenPicture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The picture's file beside `tool.yaml`, and its text alternative."""

    file: FileName
    alt: FilledText


class WrittenPlan(Plan, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plan with its name."""

    name: FilledText


class WrittenRole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role of the tool with its name."""

    slug: Slug
    name: FilledText


class WrittenSignOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.SignOn`, with the roles' names."""

    kind: Literal["gateway", "oidc"]
    redirect_paths: Annotated[tuple[UrlPath, ...], Meta(min_length=1)]
    roles: Annotated[tuple[WrittenRole, ...], Meta(min_length=1)]
    longest_session_minutes: Minutes
    post_logout_paths: tuple[UrlPath, ...] = ()
    backchannel_logout_path: UrlPath | None = None
    default_role: Slug | None = None
    anonymous_reading: bool = False


class ToolFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `tool.yaml`."""

    contract: Literal[1]
    slug: Slug
    version: Version
    name: FilledText
    summary: FilledText
    description: FilledText
    teaching_uses: Annotated[tuple[FilledText, ...], Meta(min_length=1)]
    picture: WrittenPicture
    upstream: Upstream
    interface_languages: Annotated[tuple[LanguageTag, ...], Meta(min_length=1)]
    accessibility: Accessibility
    plans: Annotated[tuple[WrittenPlan, ...], Meta(min_length=1)]
    sign_on: WrittenSignOn
    data_classes: Annotated[tuple[DataClass, ...], Meta(min_length=1)]
    residency: Annotated[tuple[Residency, ...], Meta(min_length=1)]
    actions: dict[Slug, Action]
    runs_code: bool
    ports: tuple[Name, ...] = ()
    secrets: tuple[Name, ...] = ()

    def manifest(self) -> Manifest:
        """Give the automation part, free of names."""
        sign_on = self.sign_on
        return Manifest(
            contract=self.contract,
            slug=self.slug,
            version=self.version,
            plans=tuple(_unnamed(plan) for plan in self.plans),
            sign_on=SignOn(
                kind=sign_on.kind,
                redirect_paths=sign_on.redirect_paths,
                roles=tuple(role.slug for role in sign_on.roles),
                longest_session_minutes=sign_on.longest_session_minutes,
                post_logout_paths=sign_on.post_logout_paths,
                backchannel_logout_path=sign_on.backchannel_logout_path,
                default_role=sign_on.default_role,
                anonymous_reading=sign_on.anonymous_reading,
            ),
            ports=self.ports,
            secrets=self.secrets,
            runs_code=self.runs_code,
            data_classes=self.data_classes,
            residency=self.residency,
            actions=dict(sorted(self.actions.items())),
        )

    def listing(self, picture: Picture) -> Listing:
        """Give what people read."""
        return Listing(
            name=self.name,
            summary=self.summary,
            description=self.description,
            teaching_uses=self.teaching_uses,
            picture=picture,
            upstream=self.upstream,
            interface_languages=self.interface_languages,
            accessibility=self.accessibility,
            plans={plan.slug: plan.name for plan in self.plans},
            roles={role.slug: role.name for role in self.sign_on.roles},
        )


def read_tool_file(content: bytes) -> ToolFile:
    """Read `tool.yaml`. Raises `BundleRefused` with the path of the first thing that is wrong in it."""
    try:
        written = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise BundleRefused(file=FILE_NAME, problem=_line_of(error)) from error
    try:
        tool = msgspec.convert(written, ToolFile)
    except msgspec.ValidationError as error:
        raise BundleRefused(file=FILE_NAME, problem=str(error)) from error
    _check(tool)
    return tool


def _check(tool: ToolFile) -> None:
    for path, names in (
        ("$.plans", [plan.slug for plan in tool.plans]),
        ("$.sign_on.roles", [role.slug for role in tool.sign_on.roles]),
        ("$.ports", tool.ports),
        ("$.secrets", tool.secrets),
        ("$.data_classes", tool.data_classes),
    ):
        _refuse_repeated(path, names)
    roles = {role.slug for role in tool.sign_on.roles}
    if tool.sign_on.default_role is not None and tool.sign_on.default_role not in roles:
        raise BundleRefused(
            file=FILE_NAME, problem="The default role must be one of the roles - at `$.sign_on.default_role`"
        )
    if "backup" not in tool.actions and any(plan.backup_hour is not None for plan in tool.plans):
        raise BundleRefused(
            file=FILE_NAME, problem="A plan has a backup hour, but the action backup is missing - at `$.actions`"
        )
    for action in NEEDED_ACTIONS:
        if action not in tool.actions:
            raise BundleRefused(file=FILE_NAME, problem=f"The action {action} is missing - at `$.actions`")


def _refuse_repeated(path: str, names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BundleRefused(file=FILE_NAME, problem=f"{', '.join(repeated)} stands there twice - at `{path}`")


def _unnamed(plan: WrittenPlan) -> Plan:
    return Plan(**{name: getattr(plan, name) for name in Plan.__struct_fields__})


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "This is not YAML." if mark is None else f"This is not YAML, from line {mark.line + 1} on."
