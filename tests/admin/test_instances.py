"""`catalog instance`: removing with grace, taking back, and purging for good."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa
from tests.engine.scripted import Scripted, instance_of
from tests.support.world import World
from typer.testing import CliRunner, Result

from catalog.admin.instances import instance_app
from catalog.calendar.errors import ChangesFrozen
from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.errors import NotFound
from catalog.runs.tables import Run
from catalog.schedules.errors import NoRemoval, PurgeNotConfirmed, RemovalStands
from catalog.settings import SettingsError

HOSTNAME = "notes.coop-tools.test"
REMOVE = ("remove", HOSTNAME, "--reason", "The course is over.")
Command = Callable[..., Awaitable[Result]]


@pytest.fixture
async def scripted(world: World, worker_database: Database) -> Scripted:
    made = Scripted(world, worker_database)
    member = await world.member("birch")
    site = await world.site("vancouver")
    await world.host("vancouver")
    await world.tool("notes")
    await made.provisioned(await instance_of(world, member, site, "notes"))
    return made


@pytest.fixture
def command(owner_url: str) -> Command:
    async def ran(*arguments: str, **environment: str) -> Result:
        runner = CliRunner(env={"DATABASE_URL": owner_url} | environment)
        return await asyncio.to_thread(runner.invoke, instance_app, arguments)

    return ran


async def newest(scripted: Scripted) -> Run:
    async with scripted.worker_database.begin(OPERATOR) as session:
        return (await session.scalars(sa.select(Run).order_by(Run.id.desc()).limit(1))).one()


async def state(scripted: Scripted) -> str:
    async with scripted.worker_database.begin(OPERATOR) as session:
        return (await session.scalars(sa.select(Instance))).one().state


async def test_remove_suspends_and_says_when_it_is_purged_and_restore_takes_it_back(
    scripted: Scripted, command: Command
) -> None:
    said = await command(*REMOVE)
    assert said.output.startswith(f"{HOSTNAME}: suspended; will be purged after 2")
    assert isinstance((await command(*REMOVE)).exception, RemovalStands)
    await scripted.work((await newest(scripted)).id)
    assert await state(scripted) == "suspended"
    assert (await command("restore", HOSTNAME)).output == f"{HOSTNAME}: is kept\n"
    await scripted.work((await newest(scripted)).id)
    assert await state(scripted) == "running"
    assert isinstance((await command("restore", HOSTNAME)).exception, NoRemoval)


async def test_purge_wants_the_hostname_once_more_and_deletes_at_once(scripted: Scripted, command: Command) -> None:
    for typed in ((), ("--confirm", "other.coop-tools.test"), ("--confirm", "")):
        assert isinstance((await command("purge", HOSTNAME, *typed)).exception, PurgeNotConfirmed)
    assert await state(scripted) == "running"
    assert "is on its way" in (await command("purge", HOSTNAME, "--confirm", HOSTNAME)).output
    await scripted.work((await newest(scripted)).id)
    assert await state(scripted) == "removed"
    assert isinstance((await command("purge", HOSTNAME, "--confirm", HOSTNAME)).exception, NotFound)


async def test_a_freeze_is_overruled_with_a_reason(scripted: Scripted, command: Command) -> None:
    async with scripted.worker_database.begin(OPERATOR) as session:
        instance = (await session.scalars(sa.select(Instance))).one()
    async with scripted.world.database.begin(OPERATOR) as session:
        await session.execute(
            sa.text(
                "INSERT INTO freezes (id, created_at, scope, target, member_id, starts_at, ends_at, reason, made_by)"
                " VALUES (gen_random_uuid(), now(), 'instance', :target, :member, now() - interval '1 hour',"
                " now() + interval '1 hour', 'Exams.', 'command')"
            ),
            {"target": str(instance.id), "member": instance.member_id},
        )
    assert isinstance((await command(*REMOVE)).exception, ChangesFrozen)
    assert (await command(*REMOVE, "--overrule", "It was broken into.")).exit_code == 0


@pytest.mark.usefixtures("scripted")
async def test_the_grace_time_is_a_setting_with_bounds(command: Command) -> None:
    for wrong in ("0", "366", "soon", "-1"):
        refused = await command(*REMOVE, CATALOG_REMOVAL_GRACE_DAYS=wrong)
        assert isinstance(refused.exception, SettingsError)
        assert str(refused.exception) == "CATALOG_REMOVAL_GRACE_DAYS must be a whole number from 1 to 365."
    assert (await command(*REMOVE, CATALOG_REMOVAL_GRACE_DAYS="7")).exit_code == 0
