"""Server processes that are measured: started, watched by what the kernel counts, and ended."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")


class Measured:
    """A running process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._folder = Path("/proc") / str(process.pid)
        self.port = port

    def cpu_seconds(self) -> float:
        """Give the processor time that it has taken, its own and the kernel's for it."""
        fields = (self._folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self) -> float:
        """Give the memory that it holds."""
        return memory_of(int(self._folder.name))


def memory_of(pid: int) -> float:
    """Give the memory that a process holds in MB: its own, and its part of what it shares (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise LookupError("Pss")


@contextlib.contextmanager
def serving(command: list[str], port: int, environment: Mapping[str, str]) -> Iterator[Measured]:
    """Run a server until the block ends. Raises `TimeoutError` with its last words where it does not listen."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log)
        try:
            _await_port(process, port, log.fileno())
            yield Measured(process, port)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def plain_server(port: int) -> list[str]:
    """Give the command of a server of Litestar's plain text, set as ours is."""
    options = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--no-server-header")
    return [sys.executable, "-m", "uvicorn", "bench.plain:app", *options]


def free_port() -> int:
    """Find a port on loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await_port(process: subprocess.Popen[bytes], port: int, log: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError(os.pread(log, 4000, 0).decode(errors="replace"))
        time.sleep(0.1)
