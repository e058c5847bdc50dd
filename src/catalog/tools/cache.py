"""The catalog in memory, kept up to date: a notification wakes, a counter in the database decides."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import NOBODY
from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text
from catalog.tools import service
from catalog.tools.publishing import CATALOG, CHANNEL
from catalog.tools.snapshot import Snapshot, take_snapshot
from catalog.tools.tables import Generation

log = structlog.get_logger()

POLL_SECONDS = 3
RECONNECT_SECONDS = 2
FAILURES = (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)


class CatalogUnavailable(CatalogError):
    """The process has not been able to read the catalog yet."""

    code = "catalog-unavailable"
    kind = Kind.UNAVAILABLE
    title = Text(en="The catalog can’t be read just now", fr="Le catalogue est illisible en ce moment")
    detail = Text(en="Try again in a few seconds.", fr="Réessayez dans quelques secondes.")


class CatalogCache:
    """One server process's copy of the catalog.

    While the database is away, the last copy is served. `start` and `stop` belong into the server's lifespan.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshot: Snapshot | None = None
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def current(self) -> Snapshot:
        """Give the newest copy. Raises `CatalogUnavailable` before there is any."""
        if self._snapshot is None:
            raise CatalogUnavailable
        return self._snapshot

    async def start(self) -> None:
        """Read the catalog if it can be read, and follow it from now on."""
        try:
            await self.refresh()
        except FAILURES:
            log.warning("catalog.first_reading_failed", exc_info=True)
        self._task = asyncio.create_task(self._follow(), name="catalog-cache")

    async def stop(self) -> None:
        """Follow no longer, and close the connection that listened."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def refresh(self) -> None:
        """Read the catalog anew if its counter is not the one of the copy."""
        async with self._database.begin(NOBODY) as session:
            # The counter first: what is committed after it is read again at the next look, never missed.
            generation = await _generation(session)
            if self._snapshot is not None and self._snapshot.generation == generation:
                return
            self._snapshot = take_snapshot(generation, await service.catalog(session))
        log.info("catalog.read", generation=generation, tools=len(self._snapshot.pictures))

    async def _follow(self) -> None:
        while True:
            try:
                async with self._listening() as connection:
                    while not connection.is_closed():
                        self._woken.clear()
                        await self.refresh()
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
            except FAILURES:
                log.warning("catalog.following_interrupted", exc_info=True)
            await asyncio.sleep(RECONNECT_SECONDS)

    @contextlib.asynccontextmanager
    async def _listening(self) -> "AsyncIterator[asyncpg.Connection]":
        """Listen on a connection that has left the pool for good, so that it is never lent to a request."""
        async with self._database.engine.connect() as borrowed:
            raw = await borrowed.get_raw_connection()
            connection = raw.driver_connection
            raw.detach()
            if not isinstance(connection, asyncpg.Connection):
                raise TypeError("The catalog listens through asyncpg.")
            connection.add_termination_listener(lambda _connection: self._woken.set())
            await connection.add_listener(CHANNEL, lambda *_notification: self._woken.set())
            yield connection


async def _generation(session: AsyncSession) -> int:
    return await session.scalar(sa.select(Generation.value).where(Generation.name == CATALOG)) or 0
