"""A stretch of the way to a server, which can be closed: what passes through is the real thing, TLS and all."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

CHUNK = 65_536
# Closing resets the connection: whoever is at the other end hears of it at once.
ABRUPTLY = struct.pack("ii", 1, 0)


class Forwarder:
    """Listens on `host` at a port of its own, and passes all on to `target` (host, port) while it is open."""

    def __init__(self, host: str, target: tuple[str, int]) -> None:
        self._host = host
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._passed = 0
        self._server: asyncio.Server | None = None
        self.port = 0

    def open(self) -> None:
        """Let connections through, now and from now on."""
        self._do(self._open())

    def close(self) -> None:
        """Cut every connection, and refuse new ones."""
        self._do(self._close())

    def stall(self) -> None:
        """Take connections and what they bring, and pass nothing on until it is opened."""
        self._do(self._stall())

    @property
    def waiting(self) -> bool:
        """Tell whether somebody has connected since it was stalled or closed."""
        return self._passed > 0

    def end(self) -> None:
        """Close it for good."""
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        """Open it for the first time."""
        self._thread.start()
        self.open()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _open(self) -> None:
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._pass, self._host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _stall(self) -> None:
        await self._open()
        self._flows.clear()
        self._passed = 0

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPTLY)
            writer.transport.abort()
        self._writers.clear()
        self._passed = 0
        self._flows.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._passed += 1
        self._writers.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            from_there, there = await asyncio.open_connection(*self._target)
            self._writers.add(there)
            await asyncio.gather(self._pump(reader, there), self._pump(from_there, writer))
        except OSError:
            return
        finally:
            for one in (writer, there):
                if one is not None:
                    self._writers.discard(one)
                    one.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(CHUNK):
            await self._flows.wait()
            sink.write(chunk)
            await sink.drain()
        with contextlib.suppress(OSError):
            sink.write_eof()


@contextmanager
def forwarder(host: str, target: tuple[str, int]) -> Iterator[Forwarder]:
    """Have one that is open."""
    made = Forwarder(host, target)
    made.start()
    try:
        yield made
    finally:
        made.end()
