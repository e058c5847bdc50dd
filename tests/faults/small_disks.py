"""Disks that can be filled: of a host, and the memory that workers keep their files in."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from devkit.hosts import machines
from devkit.hosts.records import ensure, hosts_folder
from devkit.locking import one_at_a_time

FILLER = "filler"


@contextmanager
def hosts_with_small_disks(wanted: Mapping[str, str], megabytes: int) -> Iterator[None]:
    """Have hosts, named with their Debian releases, whose own files have so much room. They are purged at the end.

    What they keep lies in memory of this machine: it outlasts a loss of their power, not the end of this process.
    """
    with ExitStack() as stack:
        for name, suite in wanted.items():
            with one_at_a_time(hosts_folder() / "lock"):
                folder = ensure(name, suite).folder
            stack.callback(_purge, name, folder)
            disk = folder / "disk"
            disk.mkdir()
            _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(disk))
            for part in ("upper", "work"):
                (disk / part).mkdir()
                (folder / part).symlink_to(disk / part)
        machines.up(wanted)
        yield


@contextmanager
def small_memory(folder: Path, megabytes: int) -> Iterator[Path]:
    """Have a file system in memory with so much room, which workers take for theirs."""
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=1777", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))
        folder.rmdir()


def fill(folder: Path) -> None:
    """Leave no room on the file system that `folder` is on."""
    # It ends when there is no room for more, whoever else writes meanwhile.
    command = ["dd", "if=/dev/zero", f"of={folder / FILLER}", "bs=64K", "status=none"]
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL)  # noqa: S603 - our own words


def make_room(folder: Path) -> None:
    """Give it back."""
    (folder / FILLER).unlink(missing_ok=True)


def disk_of(name: str) -> Path:
    """Give the folder in which a host's disk can be filled from outside."""
    return hosts_folder() / name / "disk"


def _purge(name: str, folder: Path) -> None:
    machines.down([name])
    disk = folder / "disk"
    if disk.is_mount():
        _run("umount", "--lazy", str(disk))
    machines.down([name], purge=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - our own words
