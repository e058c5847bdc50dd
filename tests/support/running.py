"""Servers that run for the length of a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from litestar import Litestar
from tests.support.waiting import until

from catalog.admin.server import GRACEFUL_SHUTDOWN_SECONDS


@asynccontextmanager
async def lifespan_of(app: Litestar) -> AsyncIterator[None]:
    """Keep an application's lifespan open, in a task of its own: fixtures end in another task than they began in."""
    begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()
    task = asyncio.create_task(_live(app, begun, over))
    await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if begun.done():
            yield
    finally:
        over.set()
        await task


async def _live(app: Litestar, begun: asyncio.Future[None], over: asyncio.Event) -> None:
    async with app.lifespan():
        begun.set_result(None)
        await over.wait()


class _Quiet(uvicorn.Server):
    """Leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: Litestar) -> AsyncIterator[str]:
    """Serve an application on the loopback as `catalog serve` does; give its address."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )
    server = _Quiet(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started or task.done())
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
