# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's fence, reached as Ansible itself reaches the host: with the operator's own key and settings."""

from typing import Any
from uuid import UUID

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.loader import connection_loader
from ansible_collections.coop.catalog.plugins.plugin_utils.hosts import ATTEMPTS

REFUSED = 97


class HostAway(Exception):
    """The host does not answer; the message says what SSH said."""


class HostRefused(Exception):
    """A higher attempt has acted on the instance."""


class Fence:
    """The fence of one instance. `variables` are the host's connection variables."""

    def __init__(self, play_context: Any, variables: dict[str, Any], instance: str, script: str) -> None:
        self._instance = str(UUID(instance))
        self._script = script.encode()
        self._connection = connection_loader.get("ansible.builtin.ssh", play_context)
        self._connection.set_options(var_options=variables)

    def take(self, attempt: int) -> None:
        """Raise the attempt on the host, and end what older ones run there. Raises `HostAway`, `HostRefused`."""
        self._run(attempt, "--take")

    def end(self, attempt: int) -> None:
        """End what this attempt runs on the host, and let it begin nothing more. Raises `HostAway`, `HostRefused`."""
        self._run(attempt, "--end")

    def highest(self) -> int:
        """Read the instance's highest attempt. Raises `HostAway`."""
        _, said = self._say(f"cat {ATTEMPTS}/{self._instance} 2>/dev/null || echo 0", b"")
        return int(said.strip() or 0)

    def _run(self, attempt: int, action: str) -> None:
        status, said = self._say(f"sh -s -- {self._instance} {attempt:d} {action}", self._script)
        if status == REFUSED:
            raise HostRefused(f"The host refuses attempt {attempt}: a higher one has acted on the instance.")
        if status:
            raise HostAway(f"The fence ended with {status}: {said}")

    def _say(self, command: str, script: bytes) -> tuple[int, str]:
        try:
            status, out, errors = self._connection.exec_command(command, in_data=script or None, sudoable=False)
        except (AnsibleConnectionFailure, AnsibleError) as error:
            raise HostAway(str(error)) from error
        return status, (out or errors).decode(errors="replace").strip()
