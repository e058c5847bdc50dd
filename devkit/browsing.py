"""Chromium as the checkout's ordinary user, with the development network's names and CA known to it alone."""

import os
import shutil
import subprocess
from pathlib import Path

from devkit import network, users
from devkit.environment import CATALOG_PORT, CATALOG_URL, SIGN_ON_PORT
from devkit.running import Failed
from devkit.state import CA, state_folder, user

CHROMIUM = "/usr/bin/chromium"
NICKNAME = "coop-catalog-development"


def browse(arguments: list[str]) -> int:
    """`./dev browser [URL]`: open a window; where there is no screen, say how to reach this from another computer."""
    url = arguments[0] if arguments else f"{CATALOG_URL}/"
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        print(forwarding())
        return 0
    home = profile()
    command = ["setpriv", "--reuid", user(), "--regid", user(), "--clear-groups", CHROMIUM]
    command += [f"--user-data-dir={home / 'profile'}", *options(), url]
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "DISPLAY", "WAYLAND_DISPLAY", "LANG"}}
    return subprocess.run(command, env={**kept, "HOME": str(home)}, check=False).returncode


def options() -> list[str]:
    """Give the options that make the names known."""
    rules = ", ".join(f"MAP {name} {address}" for name, address in sorted(network.names().items()))
    return [f"--host-resolver-rules={rules}", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def profile() -> Path:
    """Make a home for the browser, whose store of certificates holds the development CA; gives its path."""
    home = state_folder() / "browser"
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True, exist_ok=True)
    authority = state_folder() / CA / "ca.pem"
    known = home / "ca.pem"
    if not known.is_file() or known.read_bytes() != authority.read_bytes():
        for file in store.iterdir():
            file.unlink()
        _certutil("-N", "--empty-password", "-d", f"sql:{store}")
        _certutil("-A", "-d", f"sql:{store}", "-t", "C,,", "-n", NICKNAME, "-i", str(authority))
        shutil.copy(authority, known)
    for path in (home, *home.rglob("*")):
        os.chown(path, *users.ids(user()), follow_symlinks=False)
    return home


def forwarding() -> str:
    """Say how somebody whose browser is on another computer gets here."""
    names = network.names()
    hosts = sorted({address for name, address in names.items() if name.endswith(network.TOOLS_DOMAIN)})
    ports = [(CATALOG_PORT, names[network.CATALOG]), (SIGN_ON_PORT, names[network.SIGN_ON])]
    forwards = " ".join(f"-L {port}:{address}:{port}" for port, address in ports)
    if len(hosts) > 1:
        # Every tool answers on port 443 of its own host: each host gets a loopback address of its own.
        tools = " ".join(f"-L 127.0.1.{number}:443:{address}:443" for number, address in enumerate(hosts, start=1))
    else:
        tools = " ".join(f"-L 443:{address}:443" for address in hosts)
    places = {
        address: f"127.0.1.{number}" if len(hosts) > 1 else "127.0.0.1" for number, address in enumerate(hosts, 1)
    }
    lines = [f"{places.get(address, '127.0.0.1')} {name}" for name, address in sorted(names.items())]
    return "\n".join(
        [
            "There is no screen here. On the computer with the browser:",
            f"  sudo ssh {forwards} {tools} USER@THIS-MACHINE",
            "and, for as long as you look, these lines in its hosts file:",
            *(f"  {line}" for line in lines),
            "Its browser must trust .dev/ca/ca.pem, which vouches for these names alone.",
        ]
    )


def _certutil(*arguments: str) -> None:
    if subprocess.run(["certutil", *arguments], capture_output=True, check=False).returncode != 0:
        raise Failed(f"certutil {arguments[0]} failed: is libnss3-tools installed?")
