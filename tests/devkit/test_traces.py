"""What runs keeps to the checkout's own folder, and to where it is needed."""

import socket
from pathlib import Path

import pytest
from devkit.environment import SIGN_ON_PORT
from devkit.network import SIGN_ON
from devkit.state import state_folder

from devkit import keycloak, users

MANAGEMENT_PORT = 9000
TEMPORARY = Path("/tmp")  # noqa: S108 - where programs leave things


def test_keycloak_leaves_nothing_in_the_temporary_folder_of_everybody() -> None:
    started = (state_folder() / "run" / f"{keycloak.NAME}.json").stat().st_mtime
    ours = [path for path in TEMPORARY.iterdir() if path.stat().st_uid in users.numbers()]
    assert [path.name for path in ours if path.stat().st_mtime >= started] == []


def test_hosts_reach_keycloaks_sign_in_and_not_its_management() -> None:
    with socket.create_connection((SIGN_ON, SIGN_ON_PORT), timeout=5):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((SIGN_ON, MANAGEMENT_PORT), timeout=5)
