"""What people read of a tool. It has a digest of its own, so that a mended typo makes no new revision."""

import base64
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from catalog.platform.i18n import Language
from catalog.tools.manifest import FilledText
from catalog.tools.tables import Tool

WebAddress = Annotated[str, Meta(pattern=r"^https://[^\s\"<>]+\Z", max_length=500)]
Maintenance = Literal["community", "contract", "internal", "none"]
PictureType = Literal["image/svg+xml", "image/png"]


class Picture(msgspec.Struct, frozen=True):
    """A picture as data (base64), and what to say to whoever doesn't see it."""

    media_type: PictureType
    data: str
    alt: FilledText

    def content(self) -> bytes:
        """Give the picture's bytes."""
        return base64.b64decode(self.data)


class Upstream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose software it is, after publiccode.yml: home page, code, licence (SPDX), who maintains it.

    `versions` names the upstream version by Debian release.
    """

    url: WebAddress
    code: WebAddress
    licence: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.+() -]+\Z", max_length=100)]
    maintenance: Maintenance
    versions: dict[str, str] = {}


class Accessibility(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A conformance report, where there is one, and what it says in short."""

    summary: FilledText
    report: WebAddress | None = None


class Listing(msgspec.Struct, frozen=True):
    """The texts and the picture of a tool; `plans` and `roles` name the manifest's by their slug."""

    name: FilledText
    summary: FilledText
    description: FilledText
    teaching_uses: tuple[FilledText, ...]
    picture: Picture
    upstream: Upstream
    interface_languages: tuple[str, ...]
    accessibility: Accessibility
    plans: dict[str, FilledText]
    roles: dict[str, FilledText]

    def plan_name(self, slug: str, language: Language) -> str:
        """Name a plan; one that only an older revision has bears its slug."""
        named = self.plans.get(slug)
        return slug if named is None else named.into(language)

    def role_name(self, slug: str, language: Language) -> str:
        """Name a role of the tool; one that only an older revision has bears its slug."""
        named = self.roles.get(slug)
        return slug if named is None else named.into(language)


def listing_of(tool: Tool) -> Listing:
    """Read the tool's texts."""
    return msgspec.convert(tool.listing, Listing)
