"""A control group of its own for each host, in every hierarchy of the machine (version 1, mixed, or 2)."""

import os
import signal
import time
from pathlib import Path

from devkit.state import identity

ROOT = Path("/sys/fs/cgroup")
CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")
CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")
EMPTY_SECONDS = 10
POLL_SECONDS = 0.05


def join(host: str) -> None:
    """Move this process into the host's groups, which are made where they are missing."""
    for hierarchy in _hierarchies():
        group = hierarchy / _parent() / host
        group.mkdir(parents=True, exist_ok=True)
        if (hierarchy / CPUSET_FILES[0]).is_file() and (group / "tasks").is_file():
            _take_all_cpus(hierarchy, group)
        if hierarchy == ROOT:
            _pass_controllers_on(group)
            # A group of version 2 holds processes or groups: nspawn puts the host's own beside this one.
            group /= "supervisor"
            group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


def processes(host: str) -> set[int]:
    """Give the numbers of all processes in the host's groups, at any depth."""
    found: set[int] = set()
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / _parent() / host):
            try:
                listed = Path(folder, "cgroup.procs").read_text(encoding="ascii")
            except OSError:  # the group has just gone, or is one of threads
                continue
            found.update(int(line) for line in listed.split())
    return found - {0}  # one that this process's namespace doesn't see; to signals, it is the caller's own group


def kill(host: str) -> None:
    """End every process in the host's groups at once, and wait until all are gone.

    Raises `TimeoutError` where that doesn't happen.
    """
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
        time.sleep(POLL_SECONDS)


def empty_and_remove(host: str) -> None:
    """End what is left in the groups, and take them away."""
    kill(host)
    deadline = time.monotonic() + EMPTY_SECONDS
    # The kernel lets a group go a moment after its last process.
    while not _removed(host):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the control groups of {host} can't be removed")
        time.sleep(POLL_SECONDS)


def freeze(host: str, *, frozen: bool) -> None:
    """Stop every process of the host where it stands, or let them go on."""
    old = ROOT / "freezer" / _parent() / host / "freezer.state"
    new = ROOT / _parent() / host / "cgroup.freeze"
    if old.is_file():
        old.write_text("FROZEN" if frozen else "THAWED", encoding="ascii")
    elif new.is_file():
        new.write_text("1" if frozen else "0", encoding="ascii")


def _hierarchies() -> list[Path]:
    if (ROOT / "cgroup.controllers").is_file():
        return [ROOT]
    # Links such as cpu -> cpu,cpuacct would be the same place twice.
    return [path for path in sorted(ROOT.iterdir()) if path.is_dir() and not path.is_symlink()]


def _parent() -> str:
    return f"coop-{identity()}"


def _take_all_cpus(hierarchy: Path, group: Path) -> None:
    """Give a new group of version 1 what it needs before it takes a process."""
    for file in CPUSET_FILES:
        value = (hierarchy / file).read_text(encoding="ascii")
        for level in (group.parent, group):
            (level / file).write_text(value, encoding="ascii")


def _pass_controllers_on(group: Path) -> None:
    """Let a group of version 2 limit its processes: every level above hands its controllers down."""
    for level in (ROOT, group.parent, group):
        given = (level / "cgroup.controllers").read_text(encoding="ascii").split()
        for controller in set(given) & set(CONTROLLERS):
            (level / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")


def _removed(host: str) -> bool:
    """Take the groups away, the innermost first; tell whether all are gone. The parent goes with the last host."""
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / _parent() / host, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                return False
        try:
            (hierarchy / _parent()).rmdir()
        except OSError:
            continue  # other hosts' groups are in it, or it has gone
    return True
