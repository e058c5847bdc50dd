"""A database of the bench's own, built by the migrations and removed afterwards."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec
from devkit.environment import environment

from catalog.admin.database import upgrade_schema
from catalog.settings import AdminSettings, DatabaseSettings, admin_settings


@dataclass(frozen=True)
class OwnDatabase:
    """The database, as each role signs in to it."""

    owner: DatabaseSettings
    server: DatabaseSettings
    worker: DatabaseSettings


@asynccontextmanager
async def own_database() -> AsyncIterator[OwnDatabase]:
    """Make one until the block ends."""
    settings = admin_settings(environment("owner"))
    name = f"catalog_bench_{secrets.token_hex(4)}"
    await _administer(settings, f'CREATE DATABASE "{name}"')
    try:
        made = OwnDatabase(
            owner=_named(settings, name),
            server=_named(settings, name, "catalog_server", settings.server_password),
            worker=_named(settings, name, "catalog_worker", settings.worker_password),
        )
        schema = msgspec.structs.replace(settings, database=made.owner, server_password=None, worker_password=None)
        await upgrade_schema(schema)
        yield made
    finally:
        await asyncio.shield(_administer(settings, f'DROP DATABASE "{name}"'))


def _named(
    settings: AdminSettings, name: str, role: str | None = None, password: str | None = None
) -> DatabaseSettings:
    url = urlsplit(settings.database.url)
    location = url.netloc
    if role is not None:
        location = f"{role}:{quote(password or '', safe='')}@{location.rpartition('@')[2]}"
    return DatabaseSettings(urlunsplit((url.scheme, location, f"/{name}", url.query, "")))


async def _administer(settings: AdminSettings, statement: str) -> None:
    connection = await asyncpg.connect(settings.database.url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
