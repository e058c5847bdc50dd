"""Which files of `playbooks/` a folder of playbooks needs: its own, the roles that it draws in, and what all share."""

from pathlib import Path

from catalog.tools.archives import files_under
from catalog.tools.errors import BundleRefused
from catalog.tools.role_references import roles_in

_YAML = (".yml", ".yaml")
_SHARED_FILE = "ansible.cfg"
_SHARED_FOLDERS = ("plugins",)
# The catalog's own inventory serves plain ansible-playbook; a run is given its one host.
_NOT_FOR_RUNS = "plugins/inventory/"


def gathered(playbooks: Path, folder: Path) -> dict[str, Path]:
    """Give the files by their path from `playbooks`, without what only people read. Raises `BundleRefused`."""
    own = dict(files_under(folder, playbooks))
    shared = _roles(playbooks, own, own_roles=folder / "roles")
    for name in _SHARED_FOLDERS:
        shared.update(files_under(playbooks / name, playbooks))
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
