"""A run tells thousands of lines while its database is away: none is lost, and memory holds but a few."""

import asyncio
from uuid import UUID

import pytest
import sqlalchemy as sa
import structlog
from tests.conftest import ClientAs
from tests.support.cable import cable_to
from tests.support.cluster import TestDatabase
from tests.support.coop import Coop, asked, decide
from tests.support.waiting import until

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs.attempts import Attempt, claim_run, for_worker
from catalog.runs.events import MOST_WAITING, EventWriter
from catalog.runs.tables import RunEvent

LINES = 3 * MOST_WAITING


@pytest.fixture
async def run_id(coop: Coop, client_as: ClientAs) -> UUID:
    approved = await decide(client_as(coop.olga), await asked(client_as(coop.ada)), "approve")
    return UUID(approved.json()["run_id"])


async def test_whoever_tells_waits_while_the_database_is_away_and_every_line_is_kept(
    run_id: UUID, test_database: TestDatabase, worker_database: Database
) -> None:
    told = 0

    async def tell(writer: EventWriter) -> None:
        nonlocal told
        for number in range(LINES):
            told += 1
            await writer.add("output", text=str(number))
        await writer.flush()

    async with cable_to(test_database.worker) as cable:
        database = Database(cable.settings, name="cut-off", pool_size=2)
        claim = await claim_run(database, run_id, worker="worker-1", may=for_worker(()))
        assert claim is not None
        writer = EventWriter(Attempt(database, claim))
        cable.cut()
        with structlog.testing.capture_logs() as logs:
            telling = asyncio.create_task(tell(writer))
            await until(lambda: sum(line["event"] == "run.events_wait" for line in logs) >= 2)
        assert told == MOST_WAITING
        await cable.mend()
        await telling
        await database.close()
    async with worker_database.begin(OPERATOR) as session:
        found = await session.scalars(sa.select(RunEvent).order_by(RunEvent.sequence))
        assert [(one.sequence, one.data["text"]) for one in found] == [(n + 1, str(n)) for n in range(LINES)]
