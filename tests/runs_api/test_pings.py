"""A stream in which nothing happens still says, every fifteen seconds, that it is alive."""

import asyncio
from uuid import UUID

from catalog.runs.listener import RunEventListener
from catalog.runs.reading import EventBatch
from catalog.runs.stream import PING, PING_SECONDS, server_sent_events
from catalog.settings import DatabaseSettings

RUN = UUID("01890000-0000-7000-8000-000000000001")
DEADLINE_SECONDS = 30


async def test_a_comment_comes_when_fifteen_seconds_passed_without_an_event() -> None:
    moment = 1000.0
    looks = 0

    async def nothing(_after: int) -> EventBatch:
        nonlocal looks, moment
        looks += 1
        moment += PING_SECONDS / 2
        return EventBatch(events=[], ended=False)

    listener = RunEventListener(DatabaseSettings("postgresql://nowhere"))
    stream = server_sent_events(RUN, 0, nothing, listener, clock=lambda: moment)
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await anext(stream) == PING
        assert looks == 2
        assert await anext(stream) == PING
        assert looks == 4
    await stream.aclose()
