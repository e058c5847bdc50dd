"""A pool of connections that is closed while something is still being done."""

import asyncio

import sqlalchemy as sa
from tests.support.cluster import TestDatabase

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR

NAME = "test-closing"


async def test_closing_waits_for_what_is_being_done_and_leaves_no_connection(
    test_database: TestDatabase, owner_database: Database
) -> None:
    database, begun, go_on = Database(test_database.server, name=NAME), asyncio.Event(), asyncio.Event()

    async def work() -> int:
        async with database.begin(OPERATOR) as session:
            begun.set()
            await go_on.wait()
            return int(await session.scalar(sa.text("SELECT 1")) or 0)

    working = asyncio.create_task(work())
    await begun.wait()
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)  # it has begun
    go_on.set()
    assert await working == 1
    await closing
    async with owner_database.engine.connect() as connection:
        counted = sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
        assert await connection.scalar(counted, {"name": NAME}) == 0
