"""`python -m bench.watching RUN COUNT reading|not-reading`: watchers of a run, as a server process has them.

Those that do not read take the first piece, and then nothing: as a browser whose socket is full.
"""

import asyncio
import os
import sys
from uuid import UUID

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.listener import RunEventListener
from catalog.runs.reading import EventBatch, events_after
from catalog.runs.stream import BATCH, server_sent_events
from catalog.settings import DatabaseSettings

WATCHES = b"watches"


async def watch(run_id: UUID, count: int, *, reads: bool) -> None:
    """Watch until the process is ended."""
    settings = DatabaseSettings(os.environ["BENCH_DATABASE"])
    database, listener = Database(settings, name="bench-server"), RunEventListener(settings)

    async def look(after: int) -> EventBatch:
        async with database.begin(OPERATOR) as session:
            return await events_after(session, run_id, after, BATCH)

    async def one() -> None:
        async for _ in server_sent_events(run_id, 0, look, listener):
            if not reads:
                await asyncio.Event().wait()

    await listener.start()
    async with asyncio.TaskGroup() as watchers:
        for _ in range(count):
            watchers.create_task(one())
        await asyncio.sleep(1)
        sys.stdout.buffer.write(WATCHES + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(watch(UUID(sys.argv[1]), int(sys.argv[2]), reads=sys.argv[3] == "reading"))
