"""Fresh databases for tests: the migrations build one, and each test gets a copy of it."""

import os
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from tests.support.environment import variables

from catalog.admin.database import upgrade_schema
from catalog.settings import AdminSettings, DatabaseSettings, SettingsError, admin_settings

NEEDED = ("DATABASE_URL", "CATALOG_SERVER_PASSWORD_FILE", "CATALOG_WORKER_PASSWORD_FILE")


class NoCluster(Exception):
    """There is no PostgreSQL to test with; the message says what is missing."""


@dataclass(frozen=True)
class TestDatabase:
    """One database, as each of the three roles signs in to it."""

    __test__ = False

    owner: DatabaseSettings
    server: DatabaseSettings
    worker: DatabaseSettings


class Cluster:
    """A PostgreSQL server at which the owner may make databases (CREATEDB) and roles (CREATEROLE)."""

    def __init__(self, settings: AdminSettings) -> None:
        self._settings = settings
        self._prefix = f"catalog_test_{secrets.token_hex(4)}"
        self._made = 0

    @classmethod
    def found(cls) -> "Cluster":
        """Read where it is. Raises `NoCluster`."""
        # Whoever names a database of their own names all that belongs to it: nothing of the dev kit's is mixed in.
        known = dict(os.environ) if os.environ.get("DATABASE_URL") else variables("owner.env")
        lacking = [name for name in NEEDED if not known.get(name)]
        if lacking:
            raise NoCluster(f"These tests need a PostgreSQL: start the dev kit, or set {', '.join(lacking)}.")
        try:
            return cls(admin_settings(known))
        except SettingsError as error:
            raise NoCluster(str(error)) from error

    @property
    def template(self) -> str:
        """The database that is copied."""
        return f"{self._prefix}_template"

    async def make_template(self) -> None:
        """Make a database by the migrations. Raises `NoCluster` where the owner can't sign in."""
        try:
            await self._administer(f'CREATE DATABASE "{self.template}"')
        except (OSError, asyncpg.PostgresError) as error:
            raise NoCluster(f"PostgreSQL can't be used for tests: {error}") from error
        passwords = {} if await self._roles_sign_in() else self._passwords()
        await upgrade_schema(self._as_admin(self.template, **passwords))

    async def copy(self) -> TestDatabase:
        """Give a fresh copy of the template."""
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        await self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}" STRATEGY file_copy')
        return TestDatabase(
            owner=DatabaseSettings(self._url(name)),
            server=DatabaseSettings(self._url(name, "catalog_server", self._settings.server_password)),
            worker=DatabaseSettings(self._url(name, "catalog_worker", self._settings.worker_password)),
        )

    async def empty(self) -> DatabaseSettings:
        """Give a database without any schema, as its owner."""
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        await self._administer(f'CREATE DATABASE "{name}"')
        return DatabaseSettings(self._url(name))

    async def drop(self, settings: DatabaseSettings) -> None:
        """Remove a database. Its connections must have been closed."""
        await self._administer(f'DROP DATABASE "{urlsplit(settings.url).path[1:]}"')

    async def drop_template(self) -> None:
        """Remove what was copied."""
        await self._administer(f'DROP DATABASE "{self.template}"')

    def as_admin(self, settings: DatabaseSettings) -> AdminSettings:
        """Give the operators' settings for one of these databases."""
        return self._as_admin(urlsplit(settings.url).path[1:])

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self._settings.database.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _roles_sign_in(self) -> bool:
        connection = await asyncpg.connect(self._settings.database.url)
        try:
            able = await connection.fetchval(
                "SELECT count(*) FROM pg_roles WHERE rolname IN ('catalog_server', 'catalog_worker') AND rolcanlogin"
            )
        finally:
            await connection.close()
        return bool(able == len(("catalog_server", "catalog_worker")))

    def _passwords(self) -> dict[str, Any]:
        return {
            "server_password": self._settings.server_password,
            "worker_password": self._settings.worker_password,
        }

    def _as_admin(
        self, name: str, *, server_password: str | None = None, worker_password: str | None = None
    ) -> AdminSettings:
        return AdminSettings(
            database=DatabaseSettings(self._url(name)),
            server_password=server_password,
            worker_password=worker_password,
            bundles=self._settings.bundles,
            alembic=self._settings.alembic,
            issuer=None,
            ssh_key_file=None,
            log_format="console",
        )

    def _url(self, name: str, role: str | None = None, password: str | None = None) -> str:
        url = urlsplit(self._settings.database.url)
        location = url.netloc
        if role is not None:
            location = f"{role}:{quote(password or '', safe='')}@{location.rpartition('@')[2]}"
        return urlunsplit((url.scheme, location, f"/{name}", url.query, ""))
