"""A PostgreSQL server of the tests' own, which they may stop and start as they like."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devkit.running import said
from devkit.state import user
from tests.support.cluster import Cluster
from tests.support.environment import ROOT

from catalog.settings import AdminSettings, DatabaseSettings
from devkit import postgres, users

OWNER = "catalog_owner"
# As the dev kit's, but for what must outlast a stop without a warning.
SETTINGS = postgres.SETTINGS | {"fsync": "on", "max_connections": "150"}


class OwnPostgres:
    """The server in `folder`, on a port of its own that stays the same."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "postgres"
        self._log = folder / "postgres.log"
        self._runs = False
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]

    def make(self) -> None:
        """Make an empty server whose users are believed who they say they are."""
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        _as_user("initdb", "-D", str(self._data), "-U", "postgres", *options)
        self.start()
        self._say(f"CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB")

    def start(self) -> None:
        """Start it, unless it runs; it takes connections when this returns."""
        if self._runs:
            return
        settings = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        options = f"-p {self.port} {settings}"
        _as_user("pg_ctl", "start", "-w", "-s", "-D", str(self._data), "-l", str(self._log), "-o", options)
        self._runs = True

    def stop(self) -> None:
        """End it at once, as a loss of power would: nothing is written any more, and nobody is told."""
        if not self._runs:
            return
        self._runs = False
        _as_user("pg_ctl", "stop", "-w", "-s", "-D", str(self._data), "-m", "immediate")

    def restart(self) -> None:
        """End it at once, and start it again."""
        self.stop()
        self.start()

    def cut_waiting(self) -> None:
        """Cut the connections of those who wait for a lock."""
        self._say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    def cluster(self) -> Cluster:
        """Give it as the place where tests have their databases."""
        return Cluster(
            AdminSettings(
                database=DatabaseSettings(f"postgresql://{OWNER}@127.0.0.1:{self.port}/postgres"),
                server_password="made-up",
                worker_password="made-up",
                bundles=ROOT / "playbooks",
                alembic=ROOT / "alembic",
                issuer=None,
                ssh_key_file=None,
                log_format="console",
            )
        )

    def _say(self, statement: str) -> None:
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        said([postgres.binaries() / "psql", "-q", *address, "-c", statement])


@contextmanager
def own_postgres(folder: Path) -> Iterator[OwnPostgres]:
    """Have such a server, and nothing left of it."""
    made = OwnPostgres(folder)
    made.make()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def own_folder(path: Path) -> Iterator[Path]:
    """Have a folder that belongs to the user that the parts run as, and is gone at the end."""
    path.mkdir(mode=0o755)
    os.chown(path, *users.ids(user()))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _as_user(program: str, *arguments: str) -> None:
    become = ["setpriv", "--reuid", user(), "--regid", user(), "--clear-groups"]
    command = [*become, str(postgres.binaries() / program), *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
