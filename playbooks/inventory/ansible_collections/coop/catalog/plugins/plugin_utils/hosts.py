# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance as a host of Ansible's: its groups and its variables."""

import re
import shlex
from typing import Any

ALL = "instance_host"
"""The group of all instances: what the bundles' playbooks call their host."""

HOST_KEY = re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}")
ADDRESS = re.compile(r"[0-9A-Za-z.:-]+")
SSH_PORT = 22
ATTEMPTS = "/var/lib/coop-catalog/attempts"


def groups_of(item: dict[str, Any]) -> list[str]:
    """Name the groups that an instance is in."""
    return [
        ALL,
        group("tool", item["tool"]),
        group("member", item["member"]),
        group("site", item["site"]),
        group("plan", item["plan"]),
        group("revision", item["tool"], str(item["revision"])),
    ]


def group(*words: str) -> str:
    """Write a group's name as Ansible wants it: slugs hold no underscore, so no two become the same."""
    return "_".join(words).replace("-", "_")


def variables_of(item: dict[str, Any]) -> dict[str, Any]:
    """Give a host's variables. Until a run of this shell has begun, the host lets nothing through."""
    host = item["host"]
    return {
        **item["variables"],
        "ansible_host": host["address"],
        "ansible_port": host["port"],
        "ansible_user": host["user"],
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_common_args": ssh_arguments(host),
        "ansible_shell_executable": shell_executable(item["variables"]["instance"]["id"], 0),
    }


def shell_executable(instance: str, attempt: int) -> str:
    """Name the shell on the host that every command of an attempt goes through."""
    return f"{ATTEMPTS}/{instance}.shell-{attempt}"


def ssh_arguments(host: dict[str, Any]) -> str:
    """Give the options that make SSH know the host's key by the catalog alone. Raises `ValueError` for what is none."""
    address, key = host["address"], host["host_key"]
    if not ADDRESS.fullmatch(address) or not HOST_KEY.fullmatch(key):
        raise ValueError(f"The catalog has no usable address and host key of {host['name']}.")
    pattern = address if host["port"] == SSH_PORT else f"[{address}]:{host['port']}"
    options = [
        f"KnownHostsCommand=/bin/echo {pattern} {key}",
        "UserKnownHostsFile=/dev/null",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "ServerAliveInterval=3",
        "ServerAliveCountMax=3",
    ]
    return " ".join(f"-o {shlex.quote(option)}" for option in options)
