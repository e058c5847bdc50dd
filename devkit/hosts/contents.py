"""What the development kit puts into a host's file system before it boots, and while it runs.

Everything here can be repeated, and leaves what is right as it is.
"""

import subprocess
from pathlib import Path

from devkit import network
from devkit.environment import secrets_folder
from devkit.hosts.likeness import TRUSTED
from devkit.hosts.records import Record
from devkit.running import run
from devkit.state import CA, state_folder, write

TLS = Path("etc/coop-catalog/tls")
CA_FILE = "coop-catalog-development.crt"
# The machine's own first: one that listens on this machine's loopback can't be reached from a host.
RESOLVERS = (
    Path("/etc/resolv.conf"),
    Path("/run/systemd/resolve/resolv.conf"),
    Path("/run/NetworkManager/no-stub-resolv.conf"),
)
HOST_KEY = Path("etc/ssh/ssh_host_ed25519_key")


def refresh(root: Path, host: Record) -> None:
    """Write the host's name, its keys, its names, resolvers and certificates."""
    _keep(root / "etc/hostname", f"{host.name}\n".encode())
    _operators_key(root)
    _ssh_key(root, host)
    _certificates(root)
    names(root, host)
    _keep(root / "etc/resolv.conf", _resolver())


def names(root: Path, host: Record) -> None:
    """Write `/etc/hosts`: every name of the development network."""
    lines = ["127.0.0.1 localhost", "::1 localhost", f"{host.address} {host.name}"]
    lines += [f"{address} {name}" for name, address in sorted(network.names().items())]
    _keep(root / "etc/hosts", "\n".join([*lines, ""]).encode())


def _operators_key(root: Path) -> None:
    """Let the operators in; keys that somebody added on the host stay."""
    file = root / "root/.ssh/authorized_keys"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    key = (secrets_folder() / "ssh" / "id_ed25519.pub").read_text(encoding="ascii").strip()
    there = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    if key not in there:
        write(file, "\n".join([*there, key, ""]), 0o600)


def _ssh_key(root: Path, host: Record) -> None:
    """Make the host's key before its first boot, so that it is known before anybody connects."""
    key = root / HOST_KEY
    if not key.is_file():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text(encoding="ascii").split()[:2]
    write(host.folder / "known_hosts", f"{host.address} {' '.join(public)}\n")


def _certificates(root: Path) -> None:
    folder = root / TLS
    folder.mkdir(parents=True, exist_ok=True)
    authority = state_folder() / CA
    _keep(folder / "key.pem", (authority / "tools.key").read_bytes(), 0o600)
    _keep(folder / "certificate.pem", (authority / "tools.pem").read_bytes())
    certificate = (authority / "ca.pem").read_bytes()
    _keep(folder / "ca.pem", certificate)
    if _keep(root / TRUSTED / CA_FILE, certificate):
        run(["chroot", root, "update-ca-certificates"], "certificates")


def _resolver() -> bytes:
    """Give the resolver settings that name a server off this machine, if there are any."""
    there = [file.read_bytes() for file in RESOLVERS if file.is_file()]
    outside = (text for text in there if any(_names_another(line.split()) for line in text.splitlines()))
    return next(outside, there[0] if there else b"")


def _names_another(words: list[bytes]) -> bool:
    return words[:1] == [b"nameserver"] and not words[1].startswith((b"127.", b"::1"))


def _keep(file: Path, content: bytes, mode: int = 0o644) -> bool:
    """Write a file unless it is already so; tell whether it was written."""
    if (
        not file.is_symlink()
        and file.is_file()
        and file.read_bytes() == content
        and file.stat().st_mode & 0o777 == mode
    ):
        return False
    write(file, content, mode)
    return True
