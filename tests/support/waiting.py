"""Waiting for something that tells nobody when it has happened."""

import asyncio
from collections.abc import Callable

DEADLINE_SECONDS = 15


async def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raises `TimeoutError` where it never does."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not holds():  # noqa: ASYNC110 - what it looks at sets no event
            await asyncio.sleep(0.01)
