"""The connection pool and the unit of work: one transaction, committed at its end or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from catalog.platform.db.scope import Scope, enter
from catalog.settings import DatabaseSettings

STATEMENT_TIMEOUT_SECONDS = 30
_AWAY = ("08", "53", "57P")
"""The beginnings of PostgreSQL's codes for a connection that is lost, want of resources, and a server that ends."""


class Database:
    """A pool of connections to one PostgreSQL database, as one database role.

    `role`, where given, is what every connection becomes (`SET ROLE`) after it has signed in.
    """

    def __init__(self, settings: DatabaseSettings, *, name: str, pool_size: int = 20, role: str | None = None) -> None:
        server_settings = {
            "application_name": name,
            "timezone": "UTC",
            "statement_timeout": str(STATEMENT_TIMEOUT_SECONDS * 1000),
            "idle_in_transaction_session_timeout": str(2 * STATEMENT_TIMEOUT_SECONDS * 1000),
        }
        if role is not None:
            server_settings["role"] = role
        self.engine: AsyncEngine = create_async_engine(
            sa.make_url(settings.url).set(drivername="postgresql+asyncpg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"server_settings": server_settings},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self, scope: Scope) -> AsyncIterator[AsyncSession]:
        """Open the unit of work: everything inside is committed at the end, or nothing is."""
        async with self._sessions() as session, session.begin():
            await enter(session, scope)
            yield session

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


def database_is_away(error: Exception) -> bool:
    """Tell whether an error says that the database was away, and not that it refused what it was asked."""
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        told = state.startswith(_AWAY) or isinstance(error, OperationalError | InterfaceError)
        return told or error.connection_invalidated
    return isinstance(error, ConnectionError | PoolExhausted)


def psycopg_conninfo(settings: DatabaseSettings) -> str:
    """Give the same database as a libpq connection string, for libraries that speak psycopg."""
    return urlsplit(settings.url).geturl()
