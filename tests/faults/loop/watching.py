"""Watches hosts from outside, past the product, for two attempts that act on one instance at the same time."""

import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from devkit.hosts import cgroups

PERIOD_SECONDS = 0.1
MARK = b"COOP_ATTEMPT="
FENCING = (b"--take", b"--end")


@dataclass(frozen=True)
class Acting:
    """A process of an attempt: the instance and the number, and what the process is."""

    instance: str
    attempt: int
    pid: int
    command: str


class Watcher:
    """Looks again and again what the hosts' processes are marked with, in a thread of its own."""

    def __init__(self, hosts: list[str]) -> None:
        self._hosts = hosts
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._found: set[str] = set()
        self.looks = 0
        self.seen: set[tuple[str, int]] = set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def overlaps(self) -> list[str]:
        """Give what was found since it was last asked."""
        found, self._found = sorted(self._found), set()
        return found

    def _watch(self) -> None:
        while not self._over.wait(PERIOD_SECONDS):
            for host in self._hosts:
                self._look(host)
            self.looks += 1

    def _look(self, host: str) -> None:
        acting: defaultdict[str, list[Acting]] = defaultdict(list)
        for pid in cgroups.processes(host):
            one = _acting(pid)
            if one is not None:
                acting[one.instance].append(one)
                self.seen.add((one.instance, one.attempt))
        for instance, processes in acting.items():
            newest = max(one.attempt for one in processes)
            for old in (one for one in processes if one.attempt < newest):
                # Only where the older one still acts after the newer one was seen: the first look may have been early.
                if _acting(old.pid) == old:
                    newer = next(one for one in processes if one.attempt == newest)
                    what = f"{old.command!r} beside {newer.command!r}"
                    self._found.add(f"attempts {old.attempt} and {newest} act at once on {instance}: {what}")


def _acting(pid: int) -> Acting | None:
    """Read what a process acts for; none where it is no attempt's, or the fence's own work."""
    folder = Path(f"/proc/{pid}")
    try:
        variables = (folder / "environ").read_bytes().split(b"\0")
        mark = next((one.removeprefix(MARK) for one in variables if one.startswith(MARK)), None)
        if mark is None or _is_fencing(pid):
            return None
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:80]
        instance, attempt = mark.split()
        return Acting(instance.decode(), int(attempt), pid, command)
    except (OSError, ValueError):
        return None


def _is_fencing(pid: int) -> bool:
    """Tell whether a process, or one that it comes from, is the fence as it takes over or ends."""
    while pid > 1:
        if any(word in FENCING for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")):
            return True
        pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
    return False
