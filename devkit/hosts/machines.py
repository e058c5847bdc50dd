"""Starting hosts, ending them, and telling what there is."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from devkit import network, processes
from devkit.hosts import base, cgroups, contents, faults
from devkit.hosts.records import Record, ensure, hosts_folder, record
from devkit.hosts.records import known as known  # noqa: PLC0414 - mypy knows a name that is passed on by this form
from devkit.locking import one_at_a_time
from devkit.running import Failed
from devkit.state import CHECKOUT, read_json, state_folder, write

READY_SECONDS = 180
ANSWER_SECONDS = 3
SSH_PORT = 22
BANNER = b"SSH-"
Say = Callable[[str], None]


@dataclass(frozen=True)
class HostStatus:
    """A host as `./dev status` shows it."""

    name: str
    suite: str
    address: str
    runs: bool


def up(wanted: Mapping[str, str], *, say: Say = lambda _line: None) -> None:
    """Boot hosts, given as names with their Debian releases, and mend what keeps those that run from answering.

    Raises `Failed` where one has another release already, or doesn't answer in time.
    """
    with _alone():
        network.raise_network(network.network())
        for suite in set(wanted.values()):
            base.complete(suite)
        hosts = [ensure(name, suite) for name, suite in wanted.items()]
        with ThreadPoolExecutor(max(len(hosts), 1)) as pool:
            for host in pool.map(_bring_up, hosts):
                say(f"{host.name} ({host.suite}) answers at {host.address}")
        _write_known_hosts()


def down(names: Iterable[str], *, purge: bool = False, say: Say = lambda _line: None) -> None:
    """Shut hosts down. Their files stay, unless they are purged."""
    with _alone():
        hosts = [record(name) for name in names]
        with ThreadPoolExecutor(max(len(hosts), 1)) as pool:
            for host, was_running in zip(hosts, pool.map(_take_down, hosts), strict=True):
                if was_running:
                    say(f"Stopped {host.name}.")
                if purge:
                    shutil.rmtree(host.folder)
        if purge:
            network.forget(host.address for host in hosts)
            _write_known_hosts()


def listed() -> list[HostStatus]:
    """Tell of every host."""
    return [HostStatus(one.name, one.suite, one.address, processes.is_running(one.service)) for one in known().values()]


def point(hostname: str, host_name: str) -> None:
    """Make `hostname` lead to a host, for everything that runs inside, for the browser and on every host."""
    network.add_names({hostname: record(host_name).address})
    for host in known().values():
        root = root_of(host)
        if root is not None:
            contents.names(root, host)


def root_of(host: Record) -> Path | None:
    """Give a running host's root, which is mounted in its supervisor's namespace alone; none before it is."""
    if not processes.is_running(host.service):
        return None
    pid = read_json(state_folder() / "run" / f"{host.service}.json")["pid"]
    root = Path(f"/proc/{pid}/cwd")
    return root if (root / contents.HOST_KEY).is_file() else None


def answers(name: str) -> bool:
    """Tell whether a host speaks SSH."""
    try:
        with socket.create_connection((record(name).address, SSH_PORT), ANSWER_SECONDS) as connection:
            connection.settimeout(ANSWER_SECONDS)
            return connection.recv(len(BANNER)) == BANNER
    except OSError:
        return False


def require(name: str) -> Record:
    """Give a host's record. Raises `Failed` where there is none."""
    if name not in known():
        raise Failed(f"There is no host {name!r}; there are: {', '.join(known()) or 'none'}.")
    return record(name)


def _bring_up(host: Record) -> Record:
    if root_of(host) is None:
        # What a supervisor that was killed has left behind, or one that came to nothing.
        _take_down(host)
    else:
        faults.thaw(host.name)
        faults.mend(host.name)
    command = [sys.executable, "-m", "devkit.hosts.supervisor", host.name]
    where = {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
    service = processes.Service(host.service, command, READY_SECONDS, where, as_root=True)
    processes.start(service, lambda: answers(host.name))
    root = root_of(host)
    if root is None:
        raise Failed(f"{host.name} answered and ended: ./dev logs {host.service} shows why.")
    # Certificates may be newer than a host that was running, and names newer than one that was just starting.
    contents.refresh(root, host)
    return host


def _take_down(host: Record) -> bool:
    faults.thaw(host.name)
    was_running = processes.stop(host.service)
    cgroups.empty_and_remove(host.name)
    subprocess.run(["ip", "link", "delete", host.link], capture_output=True, check=False)
    return was_running


def _alone() -> AbstractContextManager[None]:
    return one_at_a_time(hosts_folder() / "lock")


def _write_known_hosts() -> None:
    lines = [file.read_text(encoding="ascii") for file in sorted(hosts_folder().glob("*/known_hosts"))]
    write(state_folder() / "known_hosts", "".join(lines))
