"""`./dev host`: the development hosts."""

import os
import subprocess

from devkit.environment import secrets_folder
from devkit.hosts import base, machines
from devkit.running import Failed
from devkit.state import state_folder

USAGE = "./dev host up NAME [SUITE] | down NAME [--purge] | list | sh NAME [COMMAND…]"


def host(arguments: list[str]) -> int:
    """Do one of them; gives the exit status."""
    match arguments:
        case ["list"]:
            for one in machines.listed():
                print(f"{one.name}\t{one.address}\t{one.suite}\t{'runs' if one.runs else 'does not run'}")
        case ["up", name]:
            known = machines.known()
            _up(name, known[name].suite if name in known else base.SUITES[0])
        case ["up", name, suite] if suite in base.SUITES:
            _up(name, suite)
        case ["down", name]:
            machines.down([machines.require(name).name], say=print)
        case ["down", name, "--purge"]:
            machines.down([machines.require(name).name], purge=True, say=print)
        case ["sh", name, *command]:
            return subprocess.run([*ssh(name), *command], env=dict(os.environ), check=False).returncode
        case _:
            raise Failed(f"Like this: {USAGE}")
    return 0


def _up(name: str, suite: str) -> None:
    base.ensure(suite)
    machines.up({name: suite}, say=print)


def ssh(name: str) -> list[str]:
    """Give the command that reaches a host as root."""
    key, known = secrets_folder() / "ssh" / "id_ed25519", state_folder() / "known_hosts"
    options = ["-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes"]
    return ["ssh", "-q", "-i", str(key), *options, f"root@{machines.require(name).address}"]
