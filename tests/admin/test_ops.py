"""`catalog ops`: what an operator does at the server's shell while API and sign-in are away."""

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.engine.scripted import Scripted, instance_of
from tests.support.world import World
from typer.testing import CliRunner, Result

from catalog.admin.ops import ops_app
from catalog.instances.tables import Instance
from catalog.platform.audit import AuditEntry
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.errors import NotFound
from catalog.runs.context import StepContext
from catalog.runs.errors import HoldStands
from catalog.runs.failures import UNEXPECTED, StepFailed

Ops = Callable[..., Result]
NOBODYS = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def ops(owner_url: str) -> Ops:
    runner = CliRunner(env={"DATABASE_URL": owner_url, "SUDO_USER": "night-watch"})

    def ran(*arguments: str) -> Result:
        return runner.invoke(ops_app, arguments)

    return ran


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
async def instance(world: World) -> Instance:
    member, site = await world.member("birch"), await world.site("vancouver")
    await world.host("vancouver", name="vancouver-1")
    await world.tool("notes")
    return await instance_of(world, member, site, "history")


@pytest.fixture
async def failed(world: World, worker_database: Database, instance: Instance) -> UUID:
    """A first provision whose playbook failed, with a message that a terminal would obey."""

    async def breaks(_context: StepContext) -> dict[str, str]:
        from dataclasses import replace

        raise StepFailed(replace(UNEXPECTED, task="Install", message="no space\x1b[2J left"))

    scripted = Scripted(world, worker_database)
    scripted.step("provision", breaks)
    run_id = await scripted.start(instance)
    await scripted.work(run_id)
    return run_id


@pytest.fixture
async def queued(world: World, worker_database: Database, instance: Instance) -> UUID:
    return await Scripted(world, worker_database).start(instance)


def test_what_needs_somebody_is_listed(ops: Ops, failed: UUID) -> None:
    (line,) = said(ops("runs")).splitlines()
    assert line.split("\t") == [str(failed), "failed", "provision", "history.coop-tools.test", "unexpected"]


def test_a_run_is_shown_with_its_steps_and_what_went_wrong(ops: Ops, failed: UUID) -> None:
    shown = said(ops("show", str(failed)))
    assert "identity\tdone" in shown
    assert "provision\tfailed" in shown
    assert "unexpected: The catalog itself failed." in shown
    assert "task: Install" in shown
    assert "| no space\N{REPLACEMENT CHARACTER}[2J left" in shown, "what a terminal would obey is not passed on"
    events = said(ops("events", str(failed)))
    assert events.splitlines()[0].split("\t")[2] == "run.started"
    assert len(said(ops("events", str(failed), "--after", "2")).splitlines()) == len(events.splitlines()) - 2


def test_a_run_is_stopped_and_tried_again_and_given_up(ops: Ops, queued: UUID) -> None:
    assert said(ops("cancel", str(queued), "--now")) == f"{queued}: cancelled\n"
    assert said(ops("retry", str(queued), "-vvv")) == f"{queued}: queued\n"
    assert said(ops("cancel", str(queued))) == f"{queued}: cancelled\n"
    assert said(ops("abandon", str(queued))) == f"{queued}: queued\n"
    assert "deprovision\tpending" in said(ops("show", str(queued)))


def test_new_runs_are_held_and_say_so(ops: Ops, queued: UUID) -> None:
    held = said(ops("hold", "site", "vancouver", "--reason", "Fire\nalarm"))
    hold_id = held.partition(":")[0]
    assert held == f"{hold_id}: held site vancouver\n"
    assert "hold: Fire" in said(ops("runs"))
    (line,) = said(ops("holds")).splitlines()
    assert line.split("\t")[1:] == ["site vancouver", line.split("\t")[2], "command:night-watch", "Fire alarm"]
    assert isinstance(ops("hold", "site", "vancouver", "--reason", "Again").exception, HoldStands)
    assert said(ops("lift", hold_id)) == f"{hold_id}: lifted site vancouver\n"
    assert said(ops("holds")) == ""
    assert said(ops("runs")).endswith("turn\n")
    assert queued


def test_what_can_not_be_done_is_refused(ops: Ops, failed: UUID) -> None:
    assert isinstance(ops("show", NOBODYS).exception, NotFound)
    said(ops("abandon", str(failed)))
    assert ops("retry", str(failed)).exception is not None
    assert ops("hold", "planet", "--reason", "x").exit_code == 2


async def test_each_deed_bears_the_login(ops: Ops, queued: UUID, worker_database: Database) -> None:
    import asyncio

    await asyncio.to_thread(ops, "cancel", str(queued), "--now")
    await asyncio.to_thread(ops, "hold", "all", "--reason", "Moving house.")
    async with worker_database.begin(OPERATOR) as session:
        told = set(await session.scalars(sa.select(AuditEntry.action).where(AuditEntry.actor == "command:night-watch")))
    assert {"run.cancel-asked", "run.cancelled", "hold.placed"} <= told
