"""What is kept of each host: its release, its number on the network, and the names that follow from them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from devkit import network
from devkit.running import Failed
from devkit.state import identity, read_json, state_folder, write

FILE = "host.json"
NAMES = re.compile(r"(?!base-)[a-z][a-z0-9-]{0,40}")
MOST = 200


@dataclass(frozen=True)
class Record:
    """A host. `number` is its own on this network, from 0."""

    name: str
    suite: str
    number: int

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return hosts_folder() / self.name

    @property
    def address(self) -> str:
        """Its address on the bridge."""
        return network.network().address(self.number)

    @property
    def machine(self) -> str:
        """Its name among all machines that run on this one."""
        return f"{self.name}-{identity()}"

    @property
    def link(self) -> str:
        """The end of its cable that is on the bridge."""
        return f"ch{identity()}{self.number}"

    @property
    def mac(self) -> str:
        """The hardware address of its interface, the same at every boot."""
        digits = f"{identity()}{self.number:04x}"
        return ":".join(("02", *(digits[place : place + 2] for place in range(0, len(digits), 2))))

    @property
    def service(self) -> str:
        """The name of its supervisor among the processes."""
        return f"host-{self.name}"


def hosts_folder() -> Path:
    """Give the folder of all hosts."""
    return state_folder() / "hosts"


def record(name: str) -> Record:
    """Give the record of a host that is known. Raises `KeyError`."""
    return known()[name]


def known() -> dict[str, Record]:
    """Give all hosts that there are, running or not."""
    found = {}
    for file in sorted(hosts_folder().glob(f"*/{FILE}")):
        kept = read_json(file)
        found[file.parent.name] = Record(file.parent.name, kept["suite"], kept["number"])
    return found


def ensure(name: str, suite: str) -> Record:
    """Write a host down unless it is known; the numbers of others are left alone.

    Raises `Failed` for a name that no machine can have, and for a host that is there with another release.
    """
    if not NAMES.fullmatch(name):
        raise Failed(f"A host can't be called {name!r}: letters, digits and hyphens, such as vancouver-2.")
    hosts = known()
    if name in hosts:
        if hosts[name].suite != suite:
            raise Failed(f"{name} is {hosts[name].suite}: ./dev host down {name} --purge removes it first.")
        return hosts[name]
    taken = {host.number for host in hosts.values()}
    number = next(number for number in range(MOST) if number not in taken)
    folder = hosts_folder() / name
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / FILE, json.dumps({"suite": suite, "number": number}))
    made = Record(name, suite, number)
    write(folder / "address", made.address)
    return made
