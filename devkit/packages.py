"""Debian's packages: which are needed and why, and which this checkout's set-up brought."""

import os
import shutil
import subprocess
from collections.abc import Callable

from devkit.running import run
from devkit.state import state_folder, write

BROUGHT_FILE = "packages"
NEWEST_OLD_JAVA = 16

NEEDED = {
    "ca-certificates": "to check who a download comes from",
    "chromium": "the browser that signs in and takes pictures",
    "debian-archive-keyring": "checks who the hosts' file systems come from",
    "curl": "asks the API by hand, as the README does",
    "debootstrap": "makes the hosts' file systems",
    "iproute2": "makes the network of the hosts",
    "iptables": "lets the hosts out through this machine's firewall",
    "libnss3-tools": "makes the development CA known to Chromium",
    "libatomic1": "the browser's driver needs it",
    "maven": "fetches Keycloak and builds its membership provider",
    "nftables": "lets the hosts reach the network",
    "openssh-client": "how Ansible reaches hosts",
    "openssl": "makes the development CA",
    "python3-venv": "keeps the Python packages in a folder of their own",
    "systemd-container": "boots the hosts",
    "unzip": "unpacks Keycloak",
    "util-linux": "keeps names and mounts apart from the machine's",
}
JAVA = ("default-jdk-headless", "runs and builds for Keycloak: Java 17 or later")


def missing() -> dict[str, str]:
    """List the packages that are not installed, each with its reason."""
    listed = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    found = {name: why for name, why in NEEDED.items() if name not in installed}
    if shutil.which("mvn") is not None:
        found.pop("maven", None)
    if not _java_is_new_enough():
        found[JAVA[0]] = JAVA[1]
    return found


def install(names: list[str]) -> None:
    """Install packages without their recommendations, and note which this checkout brought."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    write(state_folder() / BROUGHT_FILE, "\n".join(sorted({*brought(), *names})))
    run(["apt-get", "update"], "packages", environment=quiet)
    run(["apt-get", "install", "--yes", "--no-install-recommends", *names], "packages", environment=quiet)


def brought() -> list[str]:
    """Name the packages that this checkout's set-up installed."""
    file = state_folder() / BROUGHT_FILE
    return file.read_text(encoding="ascii").split() if file.is_file() else []


def remove_brought(say: Callable[[str], None]) -> None:
    """Remove what this checkout's set-up installed, with what only that needed."""
    names = brought()
    if names:
        say(f"Removing the packages that this set-up installed: {', '.join(names)}")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "purge", "--yes", "--auto-remove", *names], "packages", environment=quiet)


def _java_is_new_enough() -> bool:
    """Ask both the compiler and the runtime that `mvn` and Keycloak would find."""
    home = os.environ.get("JAVA_HOME")
    compiler = f"{home}/bin/javac" if home else shutil.which("javac")
    if compiler is None or shutil.which("java") is None:
        return False
    told = subprocess.run([compiler, "-version"], capture_output=True, text=True, check=False)
    number = (told.stdout or told.stderr).split()[-1].split(".")[0]
    return number.isdecimal() and int(number) > NEWEST_OLD_JAVA
