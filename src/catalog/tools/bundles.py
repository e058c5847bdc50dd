"""A tool's folder, and the roles that it draws in, as what is published: a manifest, a listing and one archive."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import msgspec

from catalog.tools.archives import archive, files_under
from catalog.tools.errors import BundleRefused
from catalog.tools.listing import Listing, Picture, PictureType
from catalog.tools.manifest import FilledText, Manifest
from catalog.tools.parameter_schemas import FILE_NAME as SCHEMA_FILE
from catalog.tools.parameter_schemas import read_schema
from catalog.tools.role_references import roles_in
from catalog.tools.tool_file import FILE_NAME as TOOL_FILE
from catalog.tools.tool_file import read_tool_file

MANIFEST_FILE = "manifest.json"
MAXIMUM_PICTURE_BYTES = 200_000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_YAML = (".yml", ".yaml")
_SHARED_FILE = "ansible.cfg"
_SHARED_FOLDERS = ("plugins",)
# The catalog's own inventory serves plain ansible-playbook; a run is given its one host.
_NOT_FOR_RUNS = "plugins/inventory/"


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
    own = dict(files_under(playbooks / "tools" / slug, playbooks))
    for name in (*without, MANIFEST_FILE):
        own.pop(f"tools/{slug}/{name}", None)
    shared = _roles(playbooks, own, own_roles=playbooks / "tools" / slug / "roles")
    for folder in _SHARED_FOLDERS:
        shared.update(files_under(playbooks / folder, playbooks))
    settings = playbooks / _SHARED_FILE
    if settings.is_file():
        shared[_SHARED_FILE] = settings
    together = own | shared
    return {name: path for name, path in together.items() if not _for_people(name)}


def _for_people(name: str) -> bool:
    return name.startswith(_NOT_FOR_RUNS) or name.rsplit("/", 1)[-1].upper() == "README.MD"


def _roles(playbooks: Path, files: dict[str, Path], *, own_roles: Path) -> dict[str, Path]:
    """Give the files of every shared role that `files` draw in, and that those roles draw in again."""
    found: dict[str, Path] = {}
    read: set[str] = set()
    waiting = _referenced(files)
    while waiting:
        role = min(waiting)
        waiting.discard(role)
        read.add(role)
        if (own_roles / role).is_dir():
            continue
        folder = playbooks / "roles" / role
        if not folder.is_dir():
            raise BundleRefused(file=f"roles/{role}", problem="There is no such role.")
        of_role = dict(files_under(folder, playbooks))
        found.update(of_role)
        waiting |= _referenced(of_role) - read
    return found


def _referenced(files: dict[str, Path]) -> set[str]:
    """Give the roles that YAML files draw in; what is copied to hosts (`files/`, `templates/`) is no playbook."""
    return {
        role
        for name, path in files.items()
        if name.endswith(_YAML) and not {"files", "templates"}.intersection(name.split("/"))
        for role in roles_in(path.read_bytes(), name)
    }


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
