"""One host's supervisor: holds its mounts and its network, boots it, and boots it again when it restarts itself.

    python -m devkit.hosts.supervisor NAME

SIGTERM shuts the host down in order. Its working folder is the host's root: `/proc/<pid>/cwd` leads there from every
mount namespace.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from devkit import network
from devkit.hosts import base, cgroups, contents
from devkit.hosts.records import Record, record

CLONE_NEWNS, CLONE_NEWNET = 0x0002_0000, 0x4000_0000
RESTARTED = 133
RUNTIME = Path("/run")


def main(name: str) -> int:
    """Run the host until it is shut down; gives nspawn's last exit status."""
    host = record(name)
    cgroups.join(name)
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "namespaces of the host's own")
    _run("mount", "--make-rprivate", "/")
    _connect(host, outside)
    os.close(outside)
    root = _mount_root(host)
    contents.refresh(root, host)
    # nspawn keeps its sockets and locks there: they are this host's alone, and the machine's folder stays as it is.
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(RUNTIME))
    os.chdir(root)
    return _Guest(host, root).live()


class _Guest:
    """The booted system. Told to end, it is not booted again."""

    def __init__(self, host: Record, root: Path) -> None:
        self._command = ["systemd-nspawn", "--quiet", "--keep-unit", "--register=no", f"--machine={host.machine}"]
        self._command += [f"--directory={root}", f"--network-namespace-path=/proc/{os.getpid()}/ns/net"]
        # A machine may have a firewall of its own.
        self._command += ["--capability=CAP_NET_ADMIN"]
        self._command += ["--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe", "--boot"]
        self._running: subprocess.Popen[bytes] | None = None
        self._ending = False
        signal.signal(signal.SIGTERM, self._end)

    def live(self) -> int:
        """Boot it, and again whenever it has restarted itself."""
        while (status := self._boot()) == RESTARTED and not self._ending:
            print("The host restarts.", flush=True)
        return status

    def _boot(self) -> int:
        self._running = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})
        if self._ending:
            self._running.terminate()
        return self._running.wait()

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        self._ending = True
        if self._running is not None:
            self._running.terminate()


def _connect(host: Record, outside: int) -> None:
    """Give the host one interface, `host0`, whose other end is on the bridge."""
    wanted = network.network()
    into_bridge = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{outside}", "ip"]
    subprocess.run([*into_bridge, "link", "delete", host.link], capture_output=True, check=False)
    pair = ["type", "veth", "peer", "name", "host0", "address", host.mac, "netns", str(os.getpid())]
    _run(*into_bridge, "link", "add", host.link, "mtu", str(network.SMALLEST_MTU), *pair)
    _run(*into_bridge, "link", "set", host.link, "master", wanted.bridge, "up")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "set", "host0", "mtu", str(network.SMALLEST_MTU), "up")
    _run("ip", "address", "add", f"{host.address}/{wanted.subnet.prefixlen}", "dev", "host0")
    _run("ip", "route", "add", "default", "via", wanted.gateway)


def _mount_root(host: Record) -> Path:
    """Lay the host's own files over the base's. They stay when the host is shut down."""
    for part in ("upper", "work", "root"):
        (host.folder / part).mkdir(exist_ok=True)
    layers = f"lowerdir={base.folder(host.suite)},upperdir={host.folder / 'upper'},workdir={host.folder / 'work'}"
    root = host.folder / "root"
    _run("mount", "-t", "overlay", "overlay", "-o", layers, str(root))
    return root


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
