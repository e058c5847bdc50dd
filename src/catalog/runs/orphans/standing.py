"""What stands in a place of instances: the clients in Keycloak, and all that is on a host."""

import re
from collections import defaultdict
from collections.abc import Iterable
from importlib.resources import files
from typing import Any
from uuid import UUID

import msgspec

from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.instance_clients import instance_clients
from catalog.platform.ids import instance_key
from catalog.runs import ansible
from catalog.runs.ansible.process import PlaybookRunner
from catalog.runs.ansible.workspace import Target

SCRIPT = files(ansible).joinpath("standing.sh").read_text(encoding="utf-8")
_SHORT = re.compile(r"i[0-9a-f]{12}")


class Standing(msgspec.Struct, frozen=True):
    """Something of an instance, as it is named there; `found` says what, on a host."""

    name: str
    instance_id: UUID | None
    found: tuple[str, ...] = ()


async def in_keycloak(connection: KeycloakConnection) -> list[Standing]:
    """List the clients that say that they are an instance's. Raises as the connection does."""
    return [Standing(client_id, _uuid(instance_id)) async for client_id, instance_id in instance_clients(connection)]


async def on_host(runner: PlaybookRunner, target: Target) -> list[Standing]:
    """List what is on the host. Raises `HostSilent`."""
    return read(await runner.ask(target, SCRIPT))


def read(told: str) -> list[Standing]:
    """Read what the script told; an instance of which nothing but an attempt is known does not stand there."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    ids: dict[str, UUID] = {}
    for kind, rest in (line.split(" ", 1) for line in told.splitlines() if " " in line):
        if kind == "attempt" and (instance_id := _uuid(rest)):
            ids[instance_key(instance_id)] = instance_id
        elif short := _SHORT.match(rest.rsplit("/", 1)[-1]):
            found[short[0]].append(rest if kind == "path" else f"{kind} {rest}")
    return [Standing(name, ids.get(name), tuple(sorted(paths))) for name, paths in sorted(found.items())]


def keys_of(standing: Iterable[Standing]) -> set[str]:
    """Give the short names of the instances, as far as they can be told."""
    return {one.name if one.instance_id is None else instance_key(one.instance_id) for one in standing}


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
