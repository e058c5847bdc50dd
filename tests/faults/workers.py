"""Worker processes as the dev kit starts them, and what may happen to them."""

import dataclasses
import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from devkit.parts import worker_service

from devkit import processes

ENDED_SECONDS = 60
MEMORY_OF_ITS_OWN = 'mount --make-rprivate / && mount --bind "$1" /dev/shm && shift && exec "$@"'


class Worker:
    """A running `catalog worker`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.frozen = False
        self.ending = False

    @property
    def name(self) -> str:
        """Give the name that it writes into the rows."""
        return f"{socket.gethostname()}:{self.process.pid}"

    @property
    def runs(self) -> bool:
        """Tell whether it has not ended."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End it without a warning."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Stop it where it stands, with all that it has started."""
        self.frozen = True
        _stop(self.process.pid)

    def thaw(self) -> None:
        """Let it and them go on."""
        self.frozen = False
        for pid in (self.process.pid, *descendants(self.process.pid)):
            _send(pid, signal.SIGCONT)

    def ask_to_end(self) -> None:
        """Ask it to end, as an upgrade does."""
        self.ending = True
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """End it in order, or by force."""
        self.thaw()
        self.ask_to_end()
        try:
            self.process.wait(ENDED_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


class Workers:
    """The workers of one scene. `variables` are those of each; `memory` takes the place of the machine's own.

    `module` is what is run: the product's command, or a wrapper around it.
    """

    def __init__(
        self, log: str, variables: Mapping[str, str], *, memory: Path | None = None, module: str = "catalog"
    ) -> None:
        self._log = log
        self._variables = variables
        self._memory = memory
        self._module = module
        self._started: list[Worker] = []

    def start(self, count: int = 1, **variables: str) -> list[Worker]:
        """Start more of them. They need a moment until they work."""
        made = [self._start(variables) for _ in range(count)]
        self._started += made
        return made

    def running(self) -> list[Worker]:
        """Give those that have not ended."""
        return [one for one in self._started if one.runs]

    def named(self, name: str | None) -> Worker | None:
        """Find the one that a row names; none where it has ended."""
        return next((one for one in self.running() if one.name == name), None)

    def kill_all(self) -> None:
        """End them all without a warning."""
        for one in self.running():
            one.kill()

    def end_all(self) -> None:
        """End them all: in order where they can, and by force."""
        for one in self.running():
            one.thaw()
            one.ask_to_end()
        for one in self.running():
            one.end()

    def _start(self, variables: Mapping[str, str]) -> Worker:
        service = worker_service(self._log, {**self._variables, **variables}, self._module)
        if self._memory is not None:
            before = ("unshare", "--mount", "sh", "-c", MEMORY_OF_ITS_OWN, "sh", str(self._memory))
            service = dataclasses.replace(service, before=before)
        return Worker(processes.spawn(service))


def descendants(ancestor: int) -> list[int]:
    """List what a process has started, and what that has."""
    parents = dict(_parents())
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {ancestor})


def commands_of(pids: Iterable[int]) -> list[str]:
    """Read the command lines of those of the processes that still run."""
    found = []
    for pid in pids:
        try:
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip())
        except OSError:
            continue
    return [command for command in found if command]


def _parents() -> Iterable[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                yield int(entry.name), int(fields[1])


def _stop(pid: int) -> None:
    """Stop a process first and then its children, again until no new one has come."""
    seen: set[int] = set()
    for _ in itertools.count():
        family = {pid, *descendants(pid)}
        if family == seen:
            return
        for one in sorted(family - seen):
            _send(one, signal.SIGSTOP)
        seen = family
        time.sleep(0.02)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
