"""Runs on a real host of the development network, with a database of each test's own."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from devkit.hosts.records import known
from devkit.state import ansible_user, state_folder
from tests.runs.operator_shell import OperatorShell, workers_care
from tests.runs.scene import Scene, probe_instance
from tests.support.environment import variables
from tests.support.issuer import Issuer
from tests.support.running import served
from tests.support.world import World

from catalog.app import create_app
from catalog.platform.db.engine import Database
from catalog.platform.secrets import Vault
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.steps.parts import Parts
from catalog.settings import KeycloakSettings, SecretKeys, ServerSettings

HOST = "vancouver-1"
NOWHERE = KeycloakSettings("https://signon.invalid", "coop", "none", "none", None)


@pytest.fixture
def parts() -> Parts:
    key_file = variables("owner.env").get("CATALOG_SSH_KEY_FILE")
    if key_file is None or HOST not in known():
        pytest.fail("These tests need the dev kit's hosts: ./dev up starts them.")
    return Parts(
        vault=Vault(SecretKeys("1", {"1": os.urandom(32)})),
        playbooks=PlaybookRunner(ansible_user(), Path(key_file)),
        issuer="https://signon.invalid/realms/coop",
        clients=NOWHERE,
        people=NOWHERE,
    )


@pytest.fixture
async def scene(world: World, worker_database: Database, parts: Parts) -> AsyncIterator[Scene]:
    address = known()[HOST].address
    line = next(
        line.split(maxsplit=1)[1]
        for line in (state_folder() / "known_hosts").read_text(encoding="ascii").splitlines()
        if line.startswith(f"{address} ")
    )
    instance = await probe_instance(world, address, line)
    made = Scene(world, worker_database, parts, HOST, instance)
    yield made
    made.on_host(f"rm -rf {made.home} /var/lib/coop-catalog/attempts/{instance.id}*")


@pytest.fixture
async def shell(
    scene: Scene, server_settings: ServerSettings, issuer: Issuer, tmp_path: Path
) -> AsyncIterator[OperatorShell]:
    operator = await scene.world.person("Olga Operator", "operator")
    key_file = Path(variables("owner.env")["CATALOG_SSH_KEY_FILE"])
    async with served(create_app(server_settings)) as url, workers_care(scene):
        made = OperatorShell(scene, url, issuer.token(operator), key_file, tmp_path)
        await made.desire(text="", doing="write")
        yield made
