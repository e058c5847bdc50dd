"""The way to the database, which a test can cut and mend."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from catalog.settings import DatabaseSettings


class Cable:
    """Passes bytes on between a port of its own and the database, unless it is cut."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._url = urlsplit(settings.url)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._port = 0

    @property
    def settings(self) -> DatabaseSettings:
        """Give the way through the cable."""
        location = f"{self._url.netloc.rpartition('@')[0]}@127.0.0.1:{self._port}"
        return DatabaseSettings(urlunsplit(self._url._replace(netloc=location)))

    async def mend(self) -> None:
        """Let connections through from now on."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(self._url.hostname, self._url.port)
        self._writers |= {writer, there}
        await asyncio.gather(_passed_on(reader, there), _passed_on(there_reader, writer))
        self._writers -= {writer, there}


async def _passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cable_to(settings: DatabaseSettings) -> AsyncIterator[Cable]:
    """Give a cable that is whole."""
    cable = Cable(settings)
    await cable.mend()
    try:
        yield cable
    finally:
        cable.cut()
