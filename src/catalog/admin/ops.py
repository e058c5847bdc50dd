"""`catalog ops`: runs and holds from the server's own shell, with neither API nor Keycloak. Audited by login."""

import getpass
import os
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import in_transaction
from catalog.runs import control, holds
from catalog.runs.tables import Run
from catalog.settings import admin_settings

ops_app = typer.Typer(help="Runs and holds, when the API or the sign-in is away.", no_args_is_help=True)

RunId = Annotated[UUID, typer.Argument(metavar="RUN", help="The run’s id.")]
Everything = Annotated[bool, typer.Option("--all", help="Also those that ended well, the newest hundred.")]
Now = Annotated[bool, typer.Option("--now", help="At once, and what runs on the host too.")]
Verbose = Annotated[
    int,
    typer.Option("--verbose", "-v", count=True, max=control.MOST_VERBOSE, help="As for ansible-playbook, up to -vvvv."),
]
Scope = Annotated[holds.Scope, typer.Argument(help="What to hold.")]
Target = Annotated[
    str | None, typer.Argument(help="A site’s or tool’s slug, a host’s name, an instance’s hostname; none for all.")
]
Reason = Annotated[str, typer.Option(help="Why: those whose work waits read it.")]
HoldId = Annotated[UUID, typer.Argument(metavar="HOLD", help="The hold’s id.")]
After = Annotated[int, typer.Option(min=0, help="Only events above this number.")]


def actor() -> str:
    """Name whoever is at the shell, as the audit trail does."""
    return f"command:{os.environ.get('SUDO_USER') or getpass.getuser()}"


@ops_app.command("runs")
def runs(*, everything: Everything = False) -> None:
    """List the runs that are under way, wait, or need somebody: one a line."""
    from catalog.admin.run_lines import run_lines

    for line in in_transaction(admin_settings(), lambda session: run_lines(session, everything=everything)):
        typer.echo(line)


@ops_app.command("show")
def show(run: RunId) -> None:
    """Show a run: its steps, every try, and what went wrong."""
    from catalog.admin.run_lines import story_lines

    for line in in_transaction(admin_settings(), lambda session: story_lines(session, run)):
        typer.echo(line)


@ops_app.command("events")
def events(run: RunId, *, after: After = 0) -> None:
    """Show what a run has told so far."""
    from catalog.admin.run_lines import event_lines

    for line in in_transaction(admin_settings(), lambda session: event_lines(session, run, after)):
        typer.echo(line)


@ops_app.command("cancel")
def cancel(run: RunId, *, now: Now = False) -> None:
    """Stop a run before its next task, or at once. What is done stays."""
    _steer(lambda session: control.cancel(session, run, stop="now" if now else "at-next-task", actor=actor()))


@ops_app.command("retry")
def retry(run: RunId, *, verbose: Verbose = 0) -> None:
    """Try a run that failed or was cancelled again, from the step that is not done."""
    _steer(lambda session: control.retry(session, run, verbosity=verbose, actor=actor()))


@ops_app.command("abandon")
def abandon(run: RunId) -> None:
    """Give a run up. A first provision takes back all that it made; nothing that was there before it is touched."""
    _steer(lambda session: control.abandon(session, run, actor=actor()))


@ops_app.command("hold")
def hold(scope: Scope, target: Target = None, *, reason: Reason) -> None:
    """Let no new run begin: all, site, host, tool or instance. What has begun goes on."""

    async def work(session: AsyncSession) -> holds.Placed:
        return await holds.place(session, scope, target, reason=reason, actor=actor())

    placed = in_transaction(admin_settings(), work)
    typer.echo(f"{placed.hold.id}: held {placed.hold.scope} {placed.name}".rstrip())


@ops_app.command("lift")
def lift(hold_id: HoldId) -> None:
    """Lift a hold: what waited for it begins within seconds."""

    async def work(session: AsyncSession) -> holds.Placed:
        return await holds.lift(session, hold_id, actor=actor())

    placed = in_transaction(admin_settings(), work)
    typer.echo(f"{placed.hold.id}: lifted {placed.hold.scope} {placed.name}".rstrip())


@ops_app.command("holds")
def list_holds() -> None:
    """List the holds that stand."""
    from catalog.admin.run_lines import hold_lines

    for line in in_transaction(admin_settings(), hold_lines):
        typer.echo(line)


def _steer(said: Callable[[AsyncSession], Awaitable[Run]]) -> None:
    async def work(session: AsyncSession) -> tuple[UUID, str, str | None]:
        run = await said(session)
        await session.flush()
        return run.id, run.state, run.stop

    run_id, state, stop = in_transaction(admin_settings(), work)
    typer.echo(f"{run_id}: {state}" + (f", stops {stop.replace('-', ' ')}" if stop else ""))
