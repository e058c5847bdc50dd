"""The private view in which everything runs: the checkout at a fixed path, and the development network's names.

A checkout may stand in a home that no system user can look into, and its names must be real for Keycloak, browsers and
tests. Both are true in a mount namespace of our own, and nothing is changed on the machine.
"""

import ctypes
import os
import subprocess
from pathlib import Path

from devkit.state import CHECKOUT, INSIDE, STATE, write

CLONE_NEWNS = 0x0002_0000
MARK = "COOP_CATALOG_INSIDE"
HOSTS_FILE = "etc-hosts"


def enter() -> None:
    """Move this process into a mount namespace of its own, with the checkout at `/mnt/coop-catalog`."""
    names = CHECKOUT / STATE / HOSTS_FILE
    if not names.is_file():
        write(names, Path("/etc/hosts").read_text(encoding="utf-8"))
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "a mount namespace of our own")
    _mount("--make-rprivate", "/")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(INSIDE.parent))
    INSIDE.mkdir()
    _mount("--rbind", str(CHECKOUT), str(INSIDE))
    _mount("--bind", str(INSIDE / STATE / HOSTS_FILE), "/etc/hosts")
    os.environ[MARK] = "1"
    os.chdir(INSIDE)


def is_inside() -> bool:
    """Tell whether this process runs in such a view already."""
    return MARK in os.environ


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
