"""What the version before writes about a run is completed by the database, so that this version's rules hold for it."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.outbox import Dispatcher, OutboxEvent, emit
from catalog.runs.tables import Hold, Run

CLAIM = sa.text("UPDATE runs SET state = 'running', attempt = attempt + 1, worker = 'before' WHERE id = :id")
END = sa.text("UPDATE runs SET state = 'succeeded', ended_at = now(), lease_until = NULL WHERE id = :id")


@pytest.fixture
async def run(coop: Coop, client_as: ClientAs, worker_database: Database) -> Run:
    approved = await decide(client_as(coop.olga), await asked(client_as(coop.ada)), "approve")
    return await as_it_is(worker_database, UUID(approved.json()["run_id"]))


async def as_it_is(database: Database, run_id: UUID) -> Run:
    async with database.begin(OPERATOR) as session:
        return await session.get_one(Run, run_id)


async def claimed(database: Database, run: Run) -> bool:
    async with database.begin(OPERATOR) as session:
        return bool((await session.execute(CLAIM, {"id": run.id})).rowcount)


@pytest.mark.parametrize("scope", ["all", "site", "host", "tool", "instance"])
async def test_a_worker_of_before_takes_nothing_up_under_a_hold(
    run: Run, scope: str, database: Database, worker_database: Database
) -> None:
    target = {"all": "", "site": run.site_id, "host": run.host_id, "tool": "notes", "instance": run.subject_id}[scope]
    async with database.begin(OPERATOR) as session:
        session.add(Hold(scope=scope, target=str(target), reason="exam week", placed_by="command"))
    assert not await claimed(worker_database, run)
    async with database.begin(OPERATOR) as session:
        await session.execute(sa.update(Hold).values(lifted_at=sa.func.now(), lifted_by="command"))
    assert await claimed(worker_database, run)


async def test_a_run_that_it_took_up_counts_towards_the_limits_until_it_ends(
    run: Run, worker_database: Database
) -> None:
    assert await claimed(worker_database, run)
    assert (await as_it_is(worker_database, run.id)).admitted_at is not None
    async with worker_database.begin(OPERATOR) as session:
        await session.execute(sa.update(Run).values(stop="at-next-task"))
        await session.execute(END, {"id": run.id})
    ended = await as_it_is(worker_database, run.id)
    assert (ended.admitted_at, ended.stop) == (None, None)


async def test_a_run_that_it_starts_stands_where_its_instance_stands(run: Run, worker_database: Database) -> None:
    async with worker_database.begin(OPERATOR) as session:
        await session.execute(END, {"id": run.id})
        await session.execute(
            sa.text(
                "INSERT INTO runs (id, created_at, member_id, subject_kind, subject_id, action, definition, input,"
                " requested_by, state, priority, attempt, due_at, last_sequence)"
                " SELECT gen_random_uuid(), now(), member_id, subject_kind, subject_id, action, 1, input,"
                " 'before', 'queued', 0, 0, now(), 0 FROM runs"
            )
        )
        started = (await session.scalars(sa.select(Run).where(Run.requested_by == "before"))).one()
    assert (started.host_id, started.site_id, started.tool_slug) == (run.host_id, run.site_id, "notes")
    assert (started.verbosity, started.tries_from, started.undoes) == (0, 0, False)


async def test_a_fact_that_a_version_does_not_know_waits_for_a_worker_that_does(worker_database: Database) -> None:
    heard: list[str] = []

    async def hear(_session: AsyncSession, payload: dict[str, Any]) -> None:
        heard.append(payload["what"])

    async with worker_database.begin(OPERATOR) as session:
        emit(session, "new-kind", {"what": "new"})
        emit(session, "old-kind", {"what": "old"})
    assert await Dispatcher(worker_database, {"old-kind": (hear,)}).deliver_due() == 1
    assert heard == ["old"]
    assert await Dispatcher(worker_database, {"old-kind": (hear,), "new-kind": (hear,)}).deliver_due() == 1
    assert heard == ["old", "new"]


async def test_a_fact_that_nobody_knows_for_a_day_is_done_with(worker_database: Database) -> None:
    async with worker_database.begin(OPERATOR) as session:
        emit(session, "no-kind", {})
        await session.flush()
        await session.execute(sa.update(OutboxEvent).values(created_at=sa.func.now() - sa.text("interval '25 hours'")))
    assert await Dispatcher(worker_database, {}).deliver_due() == 1
