"""What the development kit puts into a host's file system before it boots, and while it runs."""

import shutil
import subprocess
from pathlib import Path

from devkit import network
from devkit.hosts.base import TRUSTED
from devkit.hosts.records import Record
from devkit.state import CA, state_folder, write

TLS = Path("etc/coop-catalog/tls")
CA_FILE = "coop-catalog-development.crt"
RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def refresh(root: Path, host: Record) -> None:
    """Write the host's name, its SSH keys, its names, resolvers and certificates."""
    write(root / "etc/hostname", f"{host.name}\n")
    _ssh_keys(root, host)
    _certificates(root)
    names(root, host)
    resolvers = next(file for file in RESOLVERS if file.is_file())
    write(root / "etc/resolv.conf", resolvers.read_bytes())


def names(root: Path, host: Record) -> None:
    """Write `/etc/hosts`: every name of the development network."""
    lines = ["127.0.0.1 localhost", f"{host.address} {host.name}"]
    lines += [f"{address} {name}" for name, address in sorted(network.names().items())]
    write(root / "etc/hosts", "\n".join([*lines, ""]))


def _ssh_keys(root: Path, host: Record) -> None:
    """Make the host's key before its first boot, so that it is known before anybody connects."""
    key = root / "etc/ssh/ssh_host_ed25519_key"
    if not key.is_file():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text(encoding="ascii").split()[:2]
    write(host.folder / "known_hosts", f"{host.address} {' '.join(public)}\n")


def _certificates(root: Path) -> None:
    folder = root / TLS
    folder.mkdir(parents=True, exist_ok=True)
    authority = state_folder() / CA
    for source, target, mode in (
        (authority / "tools.pem", folder / "certificate.pem", 0o644),
        (authority / "tools.key", folder / "key.pem", 0o600),
        (authority / "ca.pem", folder / "ca.pem", 0o644),
    ):
        write(target, source.read_bytes(), mode)
        shutil.chown(target, 0, 0)
    trusted = root / TRUSTED / CA_FILE
    content = (authority / "ca.pem").read_bytes()
    if not trusted.is_file() or trusted.read_bytes() != content:
        write(trusted, content)
        subprocess.run(["chroot", str(root), "update-ca-certificates"], check=True, stdout=subprocess.DEVNULL)
