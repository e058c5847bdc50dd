"""Looks at the machine before anything is changed, and says in one line what keeps it from running all this."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devkit import registries
from devkit.hosts.base import SUITES
from devkit.state import CHECKOUT, state_folder

MEMORY_MB = 3500
DISK_MB, DISK_MB_ONCE_SET_UP = 8000, 2000
SET_UP = ("stamps/venv", "stamps/keycloak", *(f"hosts/base-{suite}" for suite in SUITES))
DEBIAN_RELEASES = ("12", "13")
OLDEST_UBUNTU = (24, 4)
READABLE = 0o555


@dataclass(frozen=True)
class Machine:
    """What was found: distribution and release, memory and disk in MB, and what the kernel and the folders allow.

    `set_up_before` tells that the large parts are there: then little disk is needed.
    """

    distribution: str
    release: str
    has_apt: bool
    memory_mb: int
    disk_mb: int
    namespaces: bool
    checkout_readable: bool
    unreachable: registries.Registry | None
    set_up_before: bool


def complaint(machine: Machine) -> str | None:  # noqa: PLR0911 - one for each thing that may be missing
    """Say what is missing and what to do; none where nothing is."""
    if not machine.has_apt or not _known_release(machine):
        return (
            f"This runs on Debian 12 or 13 and on Ubuntu 24.04 or later; this is {machine.distribution} "
            f"{machine.release}. Use a virtual machine with one of them."
        )
    if machine.memory_mb < MEMORY_MB:
        return f"This needs 4 GB of memory; the machine has {machine.memory_mb} MB. Give it more, or use another one."
    needed = DISK_MB_ONCE_SET_UP if machine.set_up_before else DISK_MB
    if machine.disk_mb < needed:
        return f"This needs {needed} MB of free disk; there are {machine.disk_mb} MB. Free some, or clone elsewhere."
    if not machine.namespaces:
        return (
            "This needs mount and network namespaces, which are forbidden here (a container without privileges?): "
            "use a virtual machine."
        )
    if not machine.checkout_readable:
        return "The checkout can't be read by others than root, so no system user can run it: chmod -R go+rX . first."
    if machine.unreachable is not None:
        return (
            f"{machine.unreachable.name} can't be reached: look at the network, at the proxy settings and at "
            f"{machine.unreachable.set_in}, and try again."
        )
    return None


def look(*, need_packages: bool) -> Machine:
    """Look at this machine. A registry is asked only where something has to be fetched from it."""
    release = _os_release()
    return Machine(
        distribution=release.get("ID", "an unknown system"),
        release=release.get("VERSION_ID", ""),
        has_apt=shutil.which("apt-get") is not None,
        memory_mb=_memory_mb(),
        disk_mb=shutil.disk_usage(CHECKOUT).free // 2**20,
        namespaces=_namespaces(),
        checkout_readable=(CHECKOUT / "dev").stat().st_mode & CHECKOUT.stat().st_mode & READABLE == READABLE,
        unreachable=registries.first_unreachable(_wanted(need_packages=need_packages)),
        set_up_before=all((state_folder() / part).exists() for part in SET_UP),
    )


def _known_release(machine: Machine) -> bool:
    if machine.distribution == "debian":
        return machine.release in DEBIAN_RELEASES
    numbers = tuple(int(part) for part in re.findall(r"\d+", machine.release))
    return machine.distribution == "ubuntu" and numbers >= OLDEST_UBUNTU


def _os_release() -> dict[str, str]:
    file = Path("/etc/os-release")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    pairs = (line.partition("=") for line in lines)
    return {key: value.strip('"') for key, _, value in pairs}


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _namespaces() -> bool:
    probe = subprocess.run(
        ["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return probe.returncode == 0


def _wanted(*, need_packages: bool) -> list[registries.Registry]:
    wanted = {
        registries.debian: need_packages,
        registries.python: not (state_folder() / "stamps/venv").exists(),
        registries.maven: not (state_folder() / "stamps/keycloak").exists(),
    }
    return [registry for find, needed in wanted.items() if needed and (registry := find()) is not None]
