"""The private folder of one playbook run: in memory, for the eyes of Ansible's user alone, and gone afterwards."""

import fcntl
import hashlib
import io
import json
import os
import pwd
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from catalog.runs.ansible import fence
from catalog.runs.ansible.unsafe import as_unsafe_json

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, which is the point; the folder in it is private
PREFIX = "coop-run-"
PRIVATE = 0o700
LEAST_ROOM = 2**20
HELD = "held"
"""The file that a folder's worker locks for as long as it lives. The lock goes with it, whatever ends it."""

_SWEEP = """\
for held in "$1"/"$2"*/"$3"; do
    if [ -O "$held" ]; then flock --nonblock "$held" rm -rf -- "${held%/*}" || true; fi
done
"""
HOST = "instance_host"


class ArchiveDamaged(Exception):
    """The stored archive is not what its digest says."""


@dataclass(frozen=True)
class Target:
    """The host that a playbook acts on, and its SSH host key as `known_hosts` has it (type and key)."""

    address: str
    port: int
    host_key: str


@dataclass(frozen=True)
class Reach:
    """An attempt's way to its subject on the host: an instance there, or the host itself."""

    target: Target
    subject_id: UUID
    attempt: int


@dataclass(frozen=True)
class Play:
    """One playbook run: the archive with its digest, the playbook's path in it, and what it is told.

    `verbosity` is how many `-v` Ansible is given, up to 4. With `check`, nothing is changed: Ansible says what it would
    change, with differences.
    """

    archive: bytes = field(repr=False)
    digest: str
    playbook: str
    reach: Reach
    variables: Mapping[str, Any] = field(repr=False)
    verbosity: int = 0
    check: bool = False


@contextmanager
def workspace(play: Play, user: str | None) -> Iterator[Path]:
    """Make the folder for `user` (None: for this process's own), and remove it. Raises `ArchiveDamaged`."""
    with _folder(user, lambda folder: _fill(folder, play)) as folder:
        yield folder


@contextmanager
def connection(target: Target, script: str, user: str | None) -> Iterator[Path]:
    """Make a folder with all that it takes to run `script` on the host, and no playbook; and remove it."""
    with _folder(user, lambda folder: _fill_connection(folder, target, _inventory(target), script)) as folder:
        yield folder


@contextmanager
def _folder(user: str | None, fill: Callable[[Path], None]) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY))
    try:
        with _held(folder):
            fill(folder)
            if user is not None:
                _hand_over(folder, user)
            yield folder
    finally:
        remove(folder, user)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Show that a worker that lives has the folder. The file is locked before it has its name."""
    unlocked = folder / f".{HELD}"
    with unlocked.open("xb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        unlocked.rename(folder / HELD)
        yield


def has_room() -> bool:
    """Tell whether anything more can be written where the folders are."""
    return shutil.disk_usage(MEMORY).free >= LEAST_ROOM


def sweep(user: str | None) -> None:
    """Remove the folders of workers that were killed: they hold secrets, and room."""
    for become in ([], as_user(user)):
        command = [*become, "sh", "-c", _SWEEP, "sh", str(MEMORY), PREFIX, HELD]
        subprocess.run(command, check=True, env={"PATH": os.defpath})  # noqa: S603 - our own command


def remove(folder: Path, user: str | None) -> None:
    """Remove the folder as whoever owns it."""
    if user is not None and folder.owner() == user:
        command = [*as_user(user), "rm", "-rf", "--", str(folder)]
        subprocess.run(command, check=False, env={"PATH": os.defpath})  # noqa: S603 - our own command
    else:
        shutil.rmtree(folder)


def as_user(user: str | None) -> list[str]:
    """Give the words that make a command run as `user`, without any of the worker's capabilities."""
    if user is None:
        return []
    dropped = ("--inh-caps", "-all", "--ambient-caps", "-all", "--no-new-privs")
    return ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *dropped, "--"]


def _fill(folder: Path, play: Play) -> None:
    if hashlib.sha256(play.archive).hexdigest() != play.digest:
        raise ArchiveDamaged(play.digest)
    _unpack(play.archive, folder / "project")
    _write(folder / "vars.json", as_unsafe_json(play.variables))
    reach = play.reach
    shell = {"ansible_shell_executable": fence.executable(reach.subject_id, reach.attempt)}
    inventory = _inventory(reach.target, **shell)
    _fill_connection(folder, reach.target, inventory, fence.takeover(reach.subject_id, reach.attempt))


def _fill_connection(folder: Path, target: Target, inventory: dict[str, Any], script: str) -> None:
    for name in ("home", "tmp", "cp", "inventory"):
        (folder / name).mkdir(mode=PRIVATE)
    _write(folder / "known_hosts", f"{_pattern(target)} {target.host_key}\n")
    _write(folder / "inventory" / "hosts.json", json.dumps(inventory))
    _write(folder / "fence.sh", script)


def _unpack(archive: bytes, project: Path) -> None:
    """Write the archive's files. It holds nothing but files (`tools.archives`), and none of them leads outside."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            parts = PurePosixPath(entry.name).parts
            content = tar.extractfile(entry) if entry.isreg() else None
            if content is None or entry.name.startswith("/") or ".." in parts:
                raise ArchiveDamaged(entry.name)
            path = project.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
            path.chmod(entry.mode & 0o755)


def _inventory(target: Target, **more: str) -> dict[str, Any]:
    host = {
        "ansible_host": target.address,
        "ansible_port": target.port,
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        **more,
    }
    return {"all": {"hosts": {HOST: host}}}


def _pattern(target: Target) -> str:
    return target.address if target.port == 22 else f"[{target.address}]:{target.port}"  # noqa: PLR2004 - SSH's own port


def _write(file: Path, content: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(content)


def _hand_over(folder: Path, user: str) -> None:
    known = pwd.getpwnam(user)
    for path in (*sorted(folder.rglob("*"), reverse=True), folder):
        os.chown(path, known.pw_uid, known.pw_gid, follow_symlinks=False)
