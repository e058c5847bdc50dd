"""A control group of its own for each host, in every hierarchy of the machine (version 1, mixed, or 2)."""

import os
import signal
import time
from pathlib import Path

from devkit.state import identity

ROOT = Path("/sys/fs/cgroup")
CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")
EMPTY_SECONDS = 10


def _hierarchies() -> list[Path]:
    if (ROOT / "cgroup.controllers").is_file():
        return [ROOT]
    # Links such as cpu -> cpu,cpuacct would be the same place twice.
    return [path for path in sorted(ROOT.iterdir()) if path.is_dir() and not path.is_symlink()]


def _parent() -> str:
    return f"coop-{identity()}"


def join(host: str) -> None:
    """Move this process into the host's groups, which are made where they are missing."""
    for hierarchy in _hierarchies():
        group = hierarchy / _parent() / host
        group.mkdir(parents=True, exist_ok=True)
        if (hierarchy / CPUSET_FILES[0]).is_file() and (group / "tasks").is_file():
            for file in CPUSET_FILES:
                value = (hierarchy / file).read_text(encoding="ascii")
                for level in (group.parent, group):
                    (level / file).write_text(value, encoding="ascii")
        leaf = group
        if hierarchy == ROOT:
            leaf = group / "supervisor"
            leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


def processes(host: str) -> set[int]:
    """Give the numbers of all processes in the host's groups, at any depth."""
    found: set[int] = set()
    for hierarchy in _hierarchies():
        for file in (hierarchy / _parent() / host).rglob("cgroup.procs"):
            try:
                found.update(int(line) for line in file.read_text(encoding="ascii").split())
            except OSError:
                continue
    return found


def empty_and_remove(host: str) -> None:
    """End what is left in the groups, and take them away."""
    deadline = time.monotonic() + EMPTY_SECONDS
    freeze(host, frozen=False)
    while left := processes(host):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes of {host} can't be ended: {sorted(left)}")
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    for hierarchy in _hierarchies():
        group = hierarchy / _parent() / host
        for folder in sorted(group.rglob("*"), reverse=True):
            if folder.is_dir():
                folder.rmdir()
        for folder in (group, group.parent):
            if folder.is_dir() and not any(path.is_dir() for path in folder.iterdir()):
                folder.rmdir()


def freeze(host: str, *, frozen: bool) -> None:
    """Stop every process of the host where it stands, or let them go on."""
    old = ROOT / "freezer" / _parent() / host / "freezer.state"
    new = ROOT / _parent() / host / "cgroup.freeze"
    if old.is_file():
        old.write_text("FROZEN" if frozen else "THAWED", encoding="ascii")
    elif new.is_file():
        new.write_text("1" if frozen else "0", encoding="ascii")
