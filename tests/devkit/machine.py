"""A Debian of its own, on the file system that hosts boot from, with a little archive of packages beside it."""

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devkit.hosts.base import SUITES
from devkit.state import CHECKOUT, STATE
from tests.devkit.checkouts import Checkout

COMMAND_SECONDS = 120
SOURCES = "deb [trusted=yes] file:/srv/archive ./\n"
SET_UP = """\
#!/bin/sh
touch /srv/being-set-up
until [ -e /srv/go ]; do sleep 0.1; done
"""
ENTER = """
set -e
mount -t overlay overlay -o lowerdir={base},upperdir={own}/upper,workdir={own}/work {own}/root
mount -t proc proc {own}/root/proc
mount --bind /dev {own}/root/dev
mkdir -p {binds}
{mounts}
exec chroot {own}/root env -C {place} PYTHONDONTWRITEBYTECODE=1 sh
"""


@dataclass(frozen=True)
class Machine:
    """A machine's file system, changed by what is run in it. Checkouts stand there where they stand here."""

    own: Path
    checkouts: tuple[Checkout, ...]

    def run(self, place: Checkout, command: str) -> str:
        """Run shell commands as root, in a checkout; gives what they print."""
        targets = [f"{self.own}/root{one.folder}" for one in self.checkouts]
        mounts = "\n".join(
            f"mount --bind {one.folder} {target}" for one, target in zip(self.checkouts, targets, strict=True)
        )
        base = (CHECKOUT / STATE / "hosts" / f"base-{SUITES[0]}").resolve()
        script = ENTER.format(base=base, own=self.own, binds=" ".join(targets), mounts=mounts, place=place.folder)
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            input=f"set -e\n{command}",
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def installed(self) -> set[str]:
        return {*self.run(self.checkouts[0], 'dpkg-query --show --showformat "\\${Package}\\n"').split()}


def new_machine(own: Path, checkouts: tuple[Checkout, ...], packages: Mapping[str, str]) -> Machine:
    """Make a machine whose archive has these packages, each with the names that it depends on."""
    for name in ("upper", "work", "root"):
        (own / name).mkdir()
    archive = own / "upper/srv/archive"
    archive.mkdir(parents=True)
    listed = [_package(archive, own / "built", name, depends) for name, depends in packages.items()]
    (archive / "Packages").write_text("\n".join(listed), encoding="ascii")
    sources = own / "upper/etc/apt/sources.list"
    sources.parent.mkdir(parents=True)
    sources.write_text(SOURCES, encoding="ascii")
    (own / "upper/srv/go").touch()
    return Machine(own, checkouts)


def _package(archive: Path, built: Path, name: str, depends: str) -> str:
    """Build a package; while it is set up it waits for /srv/go, so that it can be interrupted there."""
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n"
    control += f"Depends: {depends}\n" if depends else ""
    control += "Description: made up for a test\n"
    (built / name / "DEBIAN").mkdir(parents=True)
    (built / name / "DEBIAN/control").write_text(control, encoding="ascii")
    script = built / name / "DEBIAN/postinst"
    script.write_text(SET_UP, encoding="ascii")
    script.chmod(0o755)
    file = archive / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--build", built / name, file], check=True, stdout=subprocess.DEVNULL)
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"{control}Filename: ./{file.name}\nSize: {len(content)}\nSHA256: {digest}\n"
