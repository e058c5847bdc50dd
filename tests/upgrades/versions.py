"""The version before this one, from the history, and processes of either version."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.runs.scene import eventually
from tests.support.environment import ROOT

MIGRATIONS = "alembic/versions"
STOP_SECONDS = 30


class NoHistory(Exception):
    """The history does not reach back far enough; the message says what to do."""


@dataclass(frozen=True)
class Version:
    """A version of the product: the Python that finds its code, and the checkout that the code is in."""

    python: Path
    checkout: Path

    @asynccontextmanager
    async def running(self, command: str, environment: Mapping[str, str], *, says: str) -> AsyncIterator["Running"]:
        """Run `catalog <command>` until the block ends; the block begins once it has said `says`."""
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(  # noqa: ASYNC220 - its output goes to a file, and it is waited for in a thread
                [self.python, "-m", "catalog", command],
                env={"PATH": f"{self.python.parent}:{os.environ['PATH']}", **environment},
                cwd=self.checkout,
                stdout=log,
                stderr=log,
            )
            one = Running(process, log.fileno())
            try:
                await eventually(partial(one.has_said, says), f"catalog {command} says {says!r}")
                yield one
            finally:
                await one.stop()


@dataclass(frozen=True)
class Running:
    """A process of some version."""

    process: subprocess.Popen[bytes]
    log: int

    def said(self) -> str:
        """Give all that it has said."""
        return os.pread(self.log, 2**20, 0).decode(errors="replace")

    async def has_said(self, text: str) -> bool:
        """Tell whether it has said something. Raises `AssertionError` where it has ended instead."""
        found = text in self.said()
        assert found or self.process.poll() is None, self.said()
        return found

    def ask_to_stop(self) -> None:
        """Have it finish what it does."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self.process.kill()
        self.process.wait()

    async def stop(self) -> None:
        """Have it finish, and wait until it has."""
        with contextlib.suppress(ProcessLookupError):
            self.ask_to_stop()
        await asyncio.to_thread(self.process.wait, STOP_SECONDS)


def this_version() -> Version:
    """Give the version of this checkout."""
    return Version(Path(sys.executable), ROOT)


def commit_before() -> str:
    """Find the newest commit that lacks all migrations of this checkout's version. Raises `NoHistory`.

    The migrations of one version share their tens: 0030 to 0039.
    """
    tens = max((ROOT / MIGRATIONS).glob("[0-9]*.py")).name[:3]
    for commit in _git("rev-list", "--first-parent", "HEAD").split():
        names = _git("ls-tree", "--name-only", commit, f"{MIGRATIONS}/").split()
        if not any(name.startswith(f"{MIGRATIONS}/{tens}") for name in names):
            return commit
    raise NoHistory(f"No commit here lacks the migrations {tens}x: git fetch --unshallow brings the whole history.")


@contextmanager
def version_of(commit: str) -> Iterator[Version]:
    """Unpack a commit into a folder that every user may read, with a Python of its own that finds its code first."""
    with tempfile.TemporaryDirectory(prefix="catalog-before-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        checkout = folder / "checkout"
        checkout.mkdir()
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "--extract", "--directory", checkout], input=archive.stdout, check=True)
        yield Version(_python(folder / "venv", checkout), checkout)


def free_port() -> int:
    """Find a port on the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _python(venv: Path, checkout: Path) -> Path:
    """Make a virtual environment of this one's packages, in which the product is what stands in `checkout`.

    Not by PYTHONPATH: a playbook's process is told nothing of it.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = sysconfig.get_path("purelib")
    own = Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
    (own / "before.pth").write_text(f"{checkout / 'src'}\n{packages}\n", encoding="utf-8")
    for program in Path(sys.executable).parent.glob("ansible*"):
        (venv / "bin" / program.name).symlink_to(program)
    return venv / "bin" / "python"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    except subprocess.CalledProcessError as error:
        raise NoHistory("This is no git checkout: the version before it can't be found.") from error
    return done.stdout
