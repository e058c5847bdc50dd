"""`catalog batch`: batches from the server's own shell, audited by login."""

import asyncio
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from tests.engine.scripted import instance_of
from tests.support.world import World
from typer.testing import CliRunner, Result

from catalog.admin.batches import batch_app
from catalog.batches.errors import BatchNotInState, NoInstances
from catalog.instances.tables import Instance
from catalog.platform.audit import AuditEntry
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR

Batch = Callable[..., Result]
ALL = ("start", "verify", "--reason", "Exams.")


@pytest.fixture
def batch(owner_url: str) -> Batch:
    runner = CliRunner(env={"DATABASE_URL": owner_url, "SUDO_USER": "night-watch"})

    def ran(*arguments: str) -> Result:
        return runner.invoke(batch_app, arguments)

    return ran


@pytest.fixture
async def instances(world: World) -> None:
    member = await world.member("birch")
    site = await world.site("vancouver")
    await world.host("vancouver")
    await world.tool("notes")
    for name in ("one", "two"):
        made = await instance_of(world, member, site, name)
        async with world.database.begin(OPERATOR) as session:
            (await session.get_one(Instance, made.id)).state = "running"


def said(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.mark.usefixtures("instances")
def test_a_batch_is_looked_at_first_then_started_steered_and_shown(batch: Batch) -> None:
    foreseen = said(batch(*ALL, "--tool", "notes", "--member", "birch", "--state", "running", "--dry-run"))
    assert [line.split("\t")[:2] for line in foreseen.splitlines()] == [
        ["one.coop-tools.test", "begin"],
        ["two.coop-tools.test", "begin"],
    ]
    assert said(batch("list")) == ""
    started, state = said(batch(*ALL, "--first", "2")).strip().split(": ")
    assert state == "running"
    assert said(batch("pause", started)) == f"{started}: paused\n"
    assert said(batch("resume", started)) == f"{started}: running\n"
    assert said(batch("cancel", started)) == f"{started}: cancelled\n"
    first, *items = said(batch("show", started)).splitlines()
    assert first.split("\t") == [started, "verify", "cancelled", "2 left-out", "Exams."]
    assert {line.split("\t")[1] for line in items} == {"left-out"}
    assert isinstance(batch("pause", started).exception, BatchNotInState)


@pytest.mark.usefixtures("instances")
async def test_each_deed_bears_the_login(batch: Batch, database: Database) -> None:
    await asyncio.to_thread(batch, *ALL)
    async with database.begin(OPERATOR) as session:
        actors = await session.scalars(sa.select(AuditEntry.actor).where(AuditEntry.subject_kind == "batch"))
        assert actors.all() == ["command:night-watch"]


@pytest.mark.usefixtures("instances")
def test_what_is_wrong_is_refused(batch: Batch) -> None:
    assert isinstance(batch(*ALL, "--member", "nobody").exception, NoInstances)
    update = ("start", "update", "--reason", "x", "--tool", "notes", "--parameters")
    for wrong in ("{", "[1]"):
        assert batch(*update, wrong).exit_code == 2
    assert said(batch(*update, '{"title": "New"}')).endswith(": running\n")
