"""Hosts' runs: on rows alone, and on machines of the tests' own, which are taken down afterwards."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devkit.state import ansible_user
from tests.hosts.machine_scene import MachineScene, machine_scene
from tests.support.environment import ROOT, variables
from tests.support.world import World

from catalog.platform.db.engine import Database
from catalog.platform.secrets import Vault
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.steps.parts import Parts
from catalog.settings import KeycloakSettings, SecretKeys

NOWHERE = KeycloakSettings("https://signon.invalid", "coop", "none", "none", None)


@pytest.fixture(scope="session", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh Debian, as the dev kit boots it."""
    name = f"host-runs-test-{secrets.token_hex(3)}"
    try:
        dev_host("up", name, request.param)
        yield name
    finally:
        dev_host("down", name, "--purge")


def dev_host(*arguments: str) -> None:
    """Do what `./dev host` does, in a process of its own: the machine's supervisor outlives it."""
    subprocess.run([sys.executable, "-m", "devkit.hosts", *arguments], cwd=ROOT, check=True)  # noqa: S603 - our own


@pytest.fixture
def parts() -> Parts:
    return Parts(
        vault=Vault(SecretKeys("1", {"1": os.urandom(32)})),
        playbooks=PlaybookRunner(ansible_user(), Path(variables("owner.env")["CATALOG_SSH_KEY_FILE"])),
        issuer="https://signon.invalid/realms/coop",
        clients=NOWHERE,
        people=NOWHERE,
    )


@pytest.fixture
async def scene(world: World, worker_database: Database, parts: Parts, machine: str) -> MachineScene:
    return await machine_scene(world, worker_database, parts, machine)
