"""Servers that run for the length of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar


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
