"""Debian's packages: which are needed and why, and which this checkout's set-up brought."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from devkit import users
from devkit.running import run, said
from devkit.state import STATE, state_folder, write

BROUGHT_FILE = "packages"
NEWEST_OLD_JAVA = 16
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
# What apt would do, a line each. It tells new packages from newer ones by the old version in brackets.
TO_INSTALL, TO_REMOVE = re.compile(r"^Inst (\S+) \(", re.MULTILINE), re.compile(r"^Remv (\S+) ", re.MULTILINE)
# Only a dependency keeps a package that we brought.
NEEDED_ALONE = ("-o", "APT::AutoRemove::RecommendsImportant=false", "-o", "APT::AutoRemove::SuggestsImportant=false")

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
    installed = _installed()
    found = {name: why for name, why in NEEDED.items() if name not in installed}
    if shutil.which("mvn") is not None:
        found.pop("maven", None)
    if not _java_is_new_enough():
        found[JAVA[0]] = JAVA[1]
    return found


def install(names: list[str]) -> None:
    """Install packages without their recommendations, and note before that what is new on this machine by it."""
    run(["apt-get", "update"], "packages", environment=QUIET)
    _take_up()
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *names]
    new = TO_INSTALL.findall(said([*command, "--simulate"]))
    _note(state_folder(), new)
    run([*command, "-o", "APT::Keep-Downloaded-Packages=false"], "packages", environment=QUIET)


def brought(state: Path | None = None) -> list[str]:
    """Name the packages that are here for this checkout, or for the one of that state: those new by its set-up."""
    file = (state or state_folder()) / BROUGHT_FILE
    return file.read_text(encoding="ascii").split() if file.is_file() else []


def remove_brought(say: Callable[[str], None]) -> None:
    """Remove what this checkout's set-up brought, except for what something else needs by now.

    What another checkout on this machine needs too is left to it, and removed with that one.
    """
    _take_up()
    names = sorted(_installed() & {*brought()})
    if not names:
        return
    others = users.other_checkouts()
    if others:
        say(f"Packages that stay, since {', '.join(others)} may need them too: {', '.join(names)}")
        for state in (Path(other) / STATE for other in others):
            if state.is_dir():
                _note(state, names)
                break
        return
    run(["apt-mark", "auto", *names], "packages")
    unneeded = TO_REMOVE.findall(said(["apt-get", "autoremove", "--simulate", *NEEDED_ALONE]))
    gone = sorted({*names} & {*unneeded})
    if gone:
        say(f"Removing the packages that this set-up installed: {', '.join(gone)}")
        run(["apt-get", "purge", "--yes", *gone], "packages", environment=QUIET)


def _take_up() -> None:
    """Bring to an end what an interrupted set-up of ours began: until then, apt refuses everything."""
    if brought():
        # Its status says nothing: what it can't configure for want of other packages, apt completes.
        subprocess.run(["dpkg", "--configure", "-a"], env={**os.environ, **QUIET}, capture_output=True, check=False)
        command = ["apt-get", "install", "--fix-broken", "--yes", "--no-install-recommends"]
        run(command, "packages", environment=QUIET)


def _note(state: Path, names: Iterable[str]) -> None:
    write(state / BROUGHT_FILE, "\n".join(sorted({*brought(state), *names})))


def _installed() -> set[str]:
    listed = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
    return {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}


def _java_is_new_enough() -> bool:
    """Ask both the compiler and the runtime that `mvn` and Keycloak would find."""
    home = os.environ.get("JAVA_HOME")
    compiler = f"{home}/bin/javac" if home else shutil.which("javac")
    if compiler is None or shutil.which("java") is None:
        return False
    told = subprocess.run([compiler, "-J-XX:-UsePerfData", "-version"], capture_output=True, text=True, check=False)
    number = (told.stdout or told.stderr).split()[-1].split(".")[0]
    return number.isdecimal() and int(number) > NEWEST_OLD_JAVA
