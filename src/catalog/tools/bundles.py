"""A tool's folder, and the roles that it draws in, as what is published: a manifest, a listing and one archive."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import msgspec

from catalog.tools.archives import archive
from catalog.tools.errors import BundleRefused
from catalog.tools.gathering import gathered
from catalog.tools.listing import Listing, Picture, PictureType
from catalog.tools.manifest import FilledText, Manifest
from catalog.tools.parameter_schemas import FILE_NAME as SCHEMA_FILE
from catalog.tools.parameter_schemas import read_schema
from catalog.tools.tool_file import FILE_NAME as TOOL_FILE
from catalog.tools.tool_file import read_tool_file

MANIFEST_FILE = "manifest.json"
MAXIMUM_PICTURE_BYTES = 200_000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Bundle(msgspec.Struct, frozen=True):
    """What a tool's folder says, read and checked.

    `archive` is a tar of the `playbooks/` tree that a run unpacks, with the manifest as `tools/<slug>/manifest.json`
    and without what only people read; `digest` is its SHA-256, `listing_digest` that of the texts and the picture.
    `action_schemas` say what its own actions take (`<action>.schema.json`).
    """

    manifest: Manifest
    listing: Listing
    parameters_schema: dict[str, Any]
    action_schemas: dict[str, Any]
    archive: bytes
    digest: str
    listing_digest: str

    @property
    def slug(self) -> str:
        """The tool's name in addresses."""
        return self.manifest.slug


def bundle_slugs(playbooks: Path) -> tuple[str, ...]:
    """List the tools that have a folder under `playbooks`."""
    return tuple(sorted(path.parent.name for path in playbooks.glob(f"tools/*/{TOOL_FILE}")))


def read_bundle(playbooks: Path, slug: str) -> Bundle:
    """Read the bundle `tools/<slug>` and all that it uses of `playbooks`. Raises `BundleRefused`."""
    if slug not in bundle_slugs(playbooks):
        raise BundleRefused(file=f"tools/{slug}/{TOOL_FILE}", problem="There is no such file.")
    folder = playbooks / "tools" / slug
    tool = read_tool_file((folder / TOOL_FILE).read_bytes())
    if tool.slug != slug:
        raise BundleRefused(file=TOOL_FILE, problem=f"The slug must be the folder's name, {slug} - at `$.slug`")
    manifest = tool.manifest()
    schema = read_schema(_needed(folder, SCHEMA_FILE))
    for action in manifest.actions:
        _needed(folder, f"{action}.yml")
    inputs = {action: folder / f"{action}.schema.json" for action in manifest.actions}
    listing = tool.listing(_picture(folder, tool.picture.file, tool.picture.alt))
    files = _files(playbooks, slug, without={TOOL_FILE, tool.picture.file})
    made = {f"tools/{slug}/{MANIFEST_FILE}": msgspec.json.encode(manifest, order="sorted")}
    packed = archive(files, made)
    return Bundle(
        manifest=manifest,
        listing=listing,
        parameters_schema=schema,
        action_schemas={
            action: read_schema(path.read_bytes(), path.name) for action, path in inputs.items() if path.is_file()
        },
        archive=packed,
        digest=hashlib.sha256(packed).hexdigest(),
        listing_digest=hashlib.sha256(msgspec.json.encode(listing, order="sorted")).hexdigest(),
    )


def _files(playbooks: Path, slug: str, *, without: set[str]) -> dict[str, Path]:
    left_out = {f"tools/{slug}/{name}" for name in (*without, MANIFEST_FILE)}
    found = gathered(playbooks, playbooks / "tools" / slug)
    return {name: path for name, path in found.items() if name not in left_out}


def _needed(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.is_file():
        raise BundleRefused(file=name, problem="There is no such file.")
    return path.read_bytes()


def _picture(folder: Path, name: str, alt: FilledText) -> Picture:
    content = _needed(folder, name)
    if len(content) > MAXIMUM_PICTURE_BYTES:
        raise BundleRefused(file=name, problem=f"A picture has at most {MAXIMUM_PICTURE_BYTES} bytes.")
    return Picture(media_type=_media_type(name, content), data=base64.b64encode(content).decode(), alt=alt)


def _media_type(name: str, content: bytes) -> PictureType:
    if name.endswith(".png") and content.startswith(PNG_SIGNATURE):
        return "image/png"
    if name.endswith(".svg") and b"<svg" in content:
        return "image/svg+xml"
    raise BundleRefused(file=name, problem="A picture must be an SVG or a PNG, and end in .svg or .png.")
