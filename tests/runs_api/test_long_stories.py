"""Twenty thousand events of one run, watched by many through two servers, one of whom never reads."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide
from tests.support.issuer import Issuer
from tests.support.running import served
from tests.support.runs import end

from catalog.app import create_app
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.events import append
from catalog.runs.tables import Run
from catalog.settings import ServerSettings

EVENTS, BATCH = 20_000, 500
TEXT = "a line as long as those that playbooks tell, more or less " * 2
WATCHERS = 3
DEADLINE_SECONDS = 180


@pytest.fixture
async def run_id(coop: Coop, client_as: ClientAs) -> str:
    approved = await decide(client_as(coop.olga), await asked(client_as(coop.ada)), "approve")
    return str(approved.json()["run_id"])


class Watcher:
    """A connection that reads no more than it is told to."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def sequences(self) -> list[int]:
        """Read to the stream's end; give the number of each event, in the order in which they came."""
        found = []
        async for line in self._reader:
            if line.startswith(b"id: "):
                found.append(int(line[4:]))
            elif line.startswith(b"event: end"):
                assert json.loads((await self._reader.readline())[6:]) == {"reason": "run-ended"}
                return found
        raise EOFError


@asynccontextmanager
async def watching(url: str, token: str, path: str) -> AsyncIterator[Watcher]:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=2**16)
    head = f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n"
    writer.write(f"{head}Accept: text/event-stream\r\n\r\n".encode())
    try:
        yield Watcher(reader)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def tell_all(worker_database: Database, run_id: str) -> None:
    for first in range(1, EVENTS, BATCH):
        async with worker_database.begin(OPERATOR) as session:
            run = (await session.scalars(sa.select(Run).where(Run.id == UUID(run_id)).with_for_update())).one()
            await append(session, run, [("output", {"text": f"{n} {TEXT}"}) for n in range(first, first + BATCH)])
    await end(worker_database, run_id, "succeeded")


async def test_twenty_thousand_events_reach_everybody_once_and_in_order_and_who_does_not_read_costs_nothing(
    run_id: str, coop: Coop, issuer: Issuer, worker_database: Database, server_settings: ServerSettings
) -> None:
    token = issuer.token(coop.ada)
    path = f"/v1/runs/{run_id}/events"
    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        served(create_app(server_settings)) as one,
        served(create_app(server_settings)) as other,
        contextlib.AsyncExitStack() as opened,
    ):
        slow = await opened.enter_async_context(watching(one, token, path))
        live = [
            await opened.enter_async_context(watching(url, token, path))
            for url in (one, other)
            for _ in range(WATCHERS)
        ]
        reading = [asyncio.create_task(watcher.sequences()) for watcher in live]
        await tell_all(worker_database, run_id)
        everything = list(range(1, EVENTS + 1))
        for told in await asyncio.gather(*reading):
            assert told == everything
        late = await opened.enter_async_context(watching(other, token, f"{path}?after=15000"))
        assert await late.sequences() == everything[15_000:]
        assert await slow.sequences() == everything, "what it did not read has waited for it"


async def test_pages_of_a_long_story_begin_at_any_event(
    run_id: str, coop: Coop, client_as: ClientAs, worker_database: Database
) -> None:
    await tell_all(worker_database, run_id)
    client = client_as(coop.ada)
    for after in (0, 1, 9_999, EVENTS - 1):
        page = (await client.get(f"/v1/runs/{run_id}/events", params={"after": after, "limit": 500})).json()
        sequences = [event["sequence"] for event in page["items"]]
        assert sequences == list(range(after + 1, min(after + 500, EVENTS) + 1))
        assert page["ended"] is (sequences[-1] == EVENTS)
