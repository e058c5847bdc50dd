"""Starting hosts, ending them, and telling what there is."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devkit import network, processes
from devkit.hosts import base, cgroups, contents
from devkit.hosts.records import Record, ensure, hosts_folder, record
from devkit.hosts.records import known as known
from devkit.running import Failed
from devkit.state import read_json, state_folder, write

READY_SECONDS = 60
BANNER = b"SSH-"


@dataclass(frozen=True)
class HostStatus:
    """A host as `./dev status` shows it."""

    name: str
    suite: str
    address: str
    runs: bool


def up(wanted: Mapping[str, str]) -> None:
    """Boot hosts, given as names with their Debian releases; those that run are left alone."""
    for name, suite in wanted.items():
        base.complete(suite)
        host = ensure(name, suite)
        if not processes.is_running(host.service):
            cgroups.empty_and_remove(name)
        command = [sys.executable, "-m", "devkit.hosts.supervisor", name]
        service = processes.Service(host.service, command, READY_SECONDS, as_root=True)
        processes.start(service, lambda host=host: _answers(host))
    _write_known_hosts()


def down(names: Iterable[str], *, purge: bool = False, say: Callable[[str], None] = lambda _line: None) -> None:
    """Shut hosts down. Their files stay, unless they are purged."""
    for name in names:
        host = record(name)
        if processes.stop(host.service):
            say(f"Stopped {name}.")
        cgroups.empty_and_remove(name)
        subprocess.run(["ip", "link", "delete", host.link], capture_output=True, check=False)
        if purge:
            shutil.rmtree(host.folder)


def listed() -> list[HostStatus]:
    """Tell of every host."""
    return [HostStatus(one.name, one.suite, one.address, processes.is_running(one.service)) for one in known().values()]


def point(hostname: str, host_name: str) -> None:
    """Make `hostname` lead to a host, for everything that runs inside, for the browser and on every host."""
    network.add_names({hostname: record(host_name).address})
    for host in known().values():
        if processes.is_running(host.service):
            contents.names(inside(host), host)


def inside(host: Record) -> Path:
    """Give a running host's root, as its supervisor sees it."""
    pid = read_json(state_folder() / "run" / f"{host.service}.json")["pid"]
    return Path(f"/proc/{pid}/root") / str(host.folder / "root").lstrip("/")


def _answers(host: Record) -> bool:
    try:
        with socket.create_connection((host.address, 22), 1) as connection:
            connection.settimeout(1)
            return connection.recv(len(BANNER)) == BANNER
    except OSError:
        return False


def _write_known_hosts() -> None:
    lines = [file.read_text(encoding="ascii") for file in sorted(hosts_folder().glob("*/known_hosts"))]
    write(state_folder() / "known_hosts", "".join(lines))


def require(name: str) -> Record:
    """Give a host's record. Raises `Failed` where there is none."""
    if name not in known():
        raise Failed(f"There is no host {name!r}; there are: {', '.join(known()) or 'none'}.")
    return record(name)
