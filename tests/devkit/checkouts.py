"""Checkouts of their own for the development kit's tests, on the file systems that this checkout's kit has made."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from devkit.hosts.base import SUITES
from devkit.state import CHECKOUT, STATE

COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Checkout:
    """Another clone on this machine. What it does, it does in processes of its own, as a developer would."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / STATE

    @property
    def identity(self) -> str:
        return self.do("from devkit.state import identity; print(identity(), end='')")

    def host(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Do what `./dev host` does."""
        return self._run([sys.executable, "-m", "devkit.hosts", *arguments])

    def do(self, statements: str) -> str:
        """Run Python statements with this checkout's development kit; gives what they print."""
        done = self._run([sys.executable, "-c", statements])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def up(self, name: str, suite: str = SUITES[0]) -> None:
        done = self.host("up", name, suite)
        assert done.returncode == 0, done.stderr

    def on(self, name: str, command: str) -> str:
        """Run a command on a host, as root over SSH, which must know the host's key."""
        done = self.host("sh", name, command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def answers(self, name: str) -> bool:
        return self.do(f"from devkit.hosts import machines; print(machines.answers({name!r}))") == "True\n"

    def address(self, name: str) -> str:
        return (self.state / "hosts" / name / "address").read_text(encoding="ascii").strip()

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        quiet = {"PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=known | quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )


NewCheckout = Callable[[], Checkout]


def purge(checkout: Checkout) -> None:
    """Take away all hosts and the network."""
    checkout.do("from devkit.hosts import machines; machines.down(list(machines.known()), purge=True)")
    checkout.do("from devkit import network; network.lower_network(network.network())")


def prepare(checkout: Checkout) -> None:
    here = CHECKOUT / STATE
    shutil.copytree(CHECKOUT / "devkit", checkout.folder / "devkit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("hosts", "run", "log", "secrets/ssh"):
        (checkout.state / name).mkdir(parents=True)
    for suite in SUITES:
        base = here / "hosts" / f"base-{suite}"
        if not base.is_dir():
            pytest.fail(f"{base} is missing: ./dev up makes it")
        (checkout.state / "hosts" / base.name).symlink_to(base)
    shutil.copytree(here / "ca", checkout.state / "ca")
    key = checkout.state / "secrets/ssh/id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
