"""What may happen to a host, done on purpose: it freezes, is cut off, loses power. `machines.up` mends all three."""

import subprocess

from devkit.hosts import cgroups
from devkit.hosts.records import record


def freeze(name: str) -> None:
    """Stop all its processes where they stand."""
    cgroups.freeze(name, frozen=True)


def thaw(name: str) -> None:
    """Let them go on."""
    cgroups.freeze(name, frozen=False)


def cut(name: str) -> None:
    """Take its cable out."""
    subprocess.run(["ip", "link", "set", record(name).link, "down"], check=True)


def mend(name: str) -> None:
    """Put it in again."""
    subprocess.run(["ip", "link", "set", record(name).link, "up"], check=True)


def cut_power(name: str) -> None:
    """End everything on it at once."""
    cgroups.kill(name)
