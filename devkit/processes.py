"""The parts that run in the background: started as the checkout's user, known by pid and start time, ended by those."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devkit.running import Failed, tail
from devkit.state import read_json, state_folder, user, write

STOP_SECONDS = 30  # longer than a worker's patience with what it is doing
END_SECONDS = 10
POLL_SECONDS = 0.1
CAPABILITY_PREFIX = "+"
QUIET = {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}  # nothing is written beside the code
_STARTED: list[subprocess.Popen[bytes]] = []
"""What this process has started. It goes on when this one ends, so that nobody waits for it."""


@dataclass(frozen=True)
class Service:
    """A program, what it is given, and how long it may take to be ready.

    `capabilities` are those of Linux that it keeps as an ordinary user; `stop_signal` asks it to end.
    """

    name: str
    command: Sequence[str]
    ready_seconds: float
    environment: Mapping[str, str] = field(default_factory=dict)
    capabilities: Sequence[str] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    as_root: bool = False
    before: Sequence[str] = ()


def start(service: Service, ready: Callable[[], bool]) -> bool:
    """Start a service that does not run yet, and wait until it is ready; tell whether it was started now.

    Raises `Failed` with the end of its log where it ends or takes too long.
    """
    if is_running(service.name):
        _await_ready(service, ready)
        return False
    process = spawn(service)
    _STARTED.append(process)
    kept = {"pid": process.pid, "started": _started(process.pid), "signal": int(service.stop_signal)}
    write(_file(service.name), json.dumps(kept))
    _await_ready(service, ready)
    return True


def spawn(service: Service) -> subprocess.Popen[bytes]:
    """Start a process as the service says, with its log, and keep no record of it: whoever asks for it looks after it.

    What `before` names is done as root first; it ends by becoming the command that follows it.
    """
    log = state_folder() / "log" / f"{service.name}.log"
    with log.open("ab") as written:
        return subprocess.Popen(
            [*service.before, *_as_user(service), *service.command],
            env={**_basic_environment(), **service.environment},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )


def is_running(name: str) -> bool:
    """Tell whether the process that was started under this name still lives."""
    kept = read_json(_file(name))
    return bool(kept) and _started(kept["pid"]) == kept["started"] is not None


def stop(name: str) -> bool:
    """End a service, at last by force; tell whether it was running."""
    if not is_running(name):
        _file(name).unlink(missing_ok=True)
        return False
    kept = read_json(_file(name))
    os.kill(kept["pid"], kept["signal"])
    deadline = time.monotonic() + STOP_SECONDS
    while is_running(name):
        if time.monotonic() > deadline:
            os.kill(kept["pid"], signal.SIGKILL)
        _reap(kept["pid"])
        time.sleep(POLL_SECONDS)
    _reap(kept["pid"])
    _file(name).unlink(missing_ok=True)
    return True


def end_all_of(uids: Collection[int]) -> None:
    """End what still runs as these users: a browser, or what was left by a part that was ended by force.

    Hosts have numbers of users of their own, which may be the same: what sees another root is left alone.
    """
    deadline = time.monotonic() + END_SECONDS
    while left := _running_as(uids):
        if time.monotonic() > deadline:
            raise Failed(f"These processes don't end: {', '.join(map(str, left))}.")
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def kill(name: str) -> None:
    """End a service that runs without a warning, as a crash would."""
    pid = read_json(_file(name))["pid"]
    os.kill(pid, signal.SIGKILL)
    while is_running(name):
        time.sleep(POLL_SECONDS)
    _reap(pid)


def names() -> list[str]:
    """Name every service that was started and not stopped."""
    return sorted(file.stem for file in (state_folder() / "run").glob("*.json"))


def _await_ready(service: Service, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + service.ready_seconds
    while not ready():
        kept = read_json(_file(service.name))
        _reap(kept.get("pid", 0))
        if not is_running(service.name) or time.monotonic() > deadline:
            stop(service.name)
            log = state_folder() / "log" / f"{service.name}.log"
            raise Failed(f"{service.name} did not become ready; {tail(log)}")
        time.sleep(POLL_SECONDS)


def _as_user(service: Service) -> list[str]:
    if service.as_root:
        return []
    kept = [f"{CAPABILITY_PREFIX}{name}" for name in service.capabilities]
    rights = ["--inh-caps", ",".join(kept), "--ambient-caps", ",".join(kept)] if kept else ["--no-new-privs"]
    return ["setpriv", "--reuid", user(), "--regid", user(), "--clear-groups", *rights]


def _basic_environment() -> dict[str, str]:
    """Give what every part may know of this machine: no variable of whoever called comes along by itself."""
    kept = ("PATH", "LANG", "JAVA_HOME", "SSL_CERT_FILE")
    return {name: os.environ[name] for name in kept if name in os.environ} | QUIET


def _file(name: str) -> Path:
    return state_folder() / "run" / f"{name}.json"


def _running_as(uids: Collection[int]) -> list[int]:
    here, found = Path("/").stat(), []
    for process in Path("/proc").glob("[0-9]*"):
        # It may end meanwhile; one that has ended already has no root.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            status = (process / "status").read_text(encoding="utf-8", errors="replace")
            uid = int(status.partition("\nUid:")[2].split()[0])
            if uid in uids and os.path.samestat((process / "root").stat(), here):
                found.append(int(process.name))
    return found


def _started(pid: int) -> int | None:
    """Give when the process began (clock ticks since boot): a pid alone may be another's by now. None: it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _reap(pid: int) -> None:
    """Take notice of a child that has ended; another's child is not ours to wait for."""
    for process in [one for one in _STARTED if one.pid == pid and one.poll() is not None]:
        _STARTED.remove(process)
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
