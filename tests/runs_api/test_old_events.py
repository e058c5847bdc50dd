"""Events are kept for a time. What a run did, and why it failed, outlasts them; nobody is told that there were none."""

import datetime as dt
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, decide
from tests.support.runs import PROBLEM, end, fail_second_step, tell

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.runs import control
from catalog.runs.errors import RunTooOld
from catalog.runs.recovery import keep_house
from catalog.runs.tables import Run

KEPT_DAYS = 400
LONG_AGO = dt.datetime(2024, 3, 15, tzinfo=dt.UTC)
MONTHS = sa.text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'run_events'::regclass ORDER BY c.relname"
)


def id_of(moment: dt.datetime) -> UUID:
    """Make an id (UUIDv7) as it was made at a moment."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7000_8000_0000_0000_0001)


@pytest.fixture
async def run_id(coop: Coop, client_as: ClientAs, owner_database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run of long ago, in the month of events that was made then."""
    async with owner_database.engine.begin() as connection:
        await connection.execute(
            sa.text(
                "DO $$ BEGIN EXECUTE format('CREATE TABLE run_events_202403 PARTITION OF run_events"
                " FOR VALUES FROM (%L) TO (%L)', catalog_first_id('2024-03-01Z'), catalog_first_id('2024-04-01Z'));"
                " END $$"
            )
        )
    request = await asked(client_as(coop.ada))
    monkeypatch.setattr("catalog.runs.service.new_id", lambda: id_of(LONG_AGO))
    approved = await decide(client_as(coop.olga), request, "approve")
    monkeypatch.undo()
    return str(approved.json()["run_id"])


async def ended_long_ago(worker_database: Database, run_id: str, *, days: int = 500) -> None:
    await tell(worker_database, run_id, "one", "two")
    await fail_second_step(worker_database, run_id)
    async with worker_database.begin(OPERATOR) as session:
        moment = sa.func.now() - dt.timedelta(days=days)
        await session.execute(sa.update(Run).where(Run.id == UUID(run_id)).values(ended_at=moment))


async def months(worker_database: Database) -> list[str]:
    async with worker_database.begin(OPERATOR) as session:
        return list(await session.scalars(MONTHS))


async def look(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(path)).json()
    return found


async def test_a_month_whose_runs_ended_longer_ago_goes_and_all_else_stays(
    run_id: str, worker_database: Database, coop: Coop, client_as: ClientAs
) -> None:
    client = client_as(coop.ada)
    await ended_long_ago(worker_database, run_id)
    assert (await look(client, f"/v1/runs/{run_id}"))["events_kept"] is True
    before = await months(worker_database)
    await keep_house(worker_database, events_kept_days=KEPT_DAYS)
    assert await months(worker_database) == [name for name in before if name != "run_events_202403"]

    run = await look(client, f"/v1/runs/{run_id}")
    assert (run["events_kept"], run["last_sequence"]) == (False, 2)
    assert run["error"]["message"] == PROBLEM["message"]
    assert [one["tries"][0]["outcome"] for one in run["steps"][:2]] == ["done", "failed"]


async def test_who_reads_events_that_are_gone_is_told_that_they_are(
    run_id: str, worker_database: Database, coop: Coop, client_as: ClientAs
) -> None:
    client = client_as(coop.ada)
    await ended_long_ago(worker_database, run_id)
    await keep_house(worker_database, events_kept_days=KEPT_DAYS)
    page = await look(client, f"/v1/runs/{run_id}/events")
    assert page == {"items": [], "next": 0, "ended": True, "events_kept": False}
    stream = await client.get(f"/v1/runs/{run_id}/events", headers={"Accept": "text/event-stream"})
    assert stream.text == 'event: end\ndata: {"reason":"not-kept"}\n\n'


async def test_a_run_that_has_told_nothing_yet_has_lost_nothing(run_id: str, coop: Coop, client_as: ClientAs) -> None:
    client = client_as(coop.ada)
    assert (await look(client, f"/v1/runs/{run_id}"))["events_kept"] is True
    assert (await look(client, f"/v1/runs/{run_id}/events"))["events_kept"] is True


async def test_a_month_with_a_run_that_has_not_ended_is_kept(run_id: str, worker_database: Database) -> None:
    await tell(worker_database, run_id, "one")
    await keep_house(worker_database, events_kept_days=KEPT_DAYS)
    assert "run_events_202403" in await months(worker_database)


async def test_a_month_with_a_run_that_ended_lately_is_kept(run_id: str, worker_database: Database) -> None:
    await end(worker_database, run_id, "failed", "one", error=True)
    await keep_house(worker_database, events_kept_days=KEPT_DAYS)
    assert "run_events_202403" in await months(worker_database)


async def test_this_month_and_those_to_come_are_kept(worker_database: Database) -> None:
    before = await months(worker_database)
    await keep_house(worker_database, events_kept_days=1)
    assert await months(worker_database) == before != []


@pytest.mark.parametrize("steering", [lambda *given: control.retry(*given, verbosity=0, actor="x"), control.abandon])
async def test_a_run_whose_events_are_gone_is_not_taken_up_again(
    run_id: str, worker_database: Database, database: Database, steering: Any
) -> None:
    await ended_long_ago(worker_database, run_id)
    await keep_house(worker_database, events_kept_days=KEPT_DAYS)
    named = {"actor": "x"} if steering is control.abandon else {}
    with pytest.raises(RunTooOld):
        async with database.begin(OPERATOR) as session:
            await steering(session, UUID(run_id), **named)


async def test_the_server_may_not_drop_events(database: Database) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.begin(OPERATOR) as session:
            await session.execute(sa.text("SELECT catalog_drop_events_before(now())"))


async def test_the_months_to_come_are_made_again_where_they_are_missing(
    worker_database: Database, owner_database: Database
) -> None:
    before = await months(worker_database)
    async with owner_database.engine.begin() as connection:
        await connection.execute(sa.text(f"DROP TABLE {before[-1]}"))
    await keep_house(worker_database, events_kept_days=KEPT_DAYS)
    assert await months(worker_database) == before
