"""`catalog instance`: runs on instances that are there."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Annotated

import sqlalchemy as sa
import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import ACTOR, in_transaction
from catalog.calendar.service import Overrule
from catalog.instances.tables import Instance
from catalog.platform.errors import NotFound
from catalog.runs.service import start_instance_run
from catalog.schedules import removals
from catalog.schedules.errors import PurgeNotConfirmed
from catalog.settings import admin_settings

instance_app = typer.Typer(help="Runs on instances.", no_args_is_help=True)

Hostname = Annotated[str, typer.Argument(help="The instance's hostname.")]
Reason = Annotated[str, typer.Option(help="Why; the member's people read it.")]
OverruleOption = Annotated[str | None, typer.Option("--overrule", help="Why a freeze does not stand in the way.")]
Confirm = Annotated[str, typer.Option(help="The hostname once more.")]
Work = Callable[[AsyncSession, Instance], Awaitable[str]]


@instance_app.command("list")
def list_instances() -> None:
    """List the instances with their states."""
    for line in in_transaction(admin_settings(), _lines):
        typer.echo(line)


def _command(action: str, sentence: str) -> Callable[..., None]:
    def command(hostname: Hostname, overrule: OverruleOption = None) -> None:
        async def work(session: AsyncSession, instance: Instance) -> str:
            run = await start_instance_run(session, instance, action, requested_by=ACTOR, overrule=_overrule(overrule))
            return f"run {run.id} is on its way"

        _do(hostname, work)

    command.__doc__ = sentence
    return command


instance_app.command("provision")(
    _command("provision", "Set an instance up again, as it is desired now: what differs is put right and reported.")
)
instance_app.command("verify")(_command("verify", "Look whether an instance answers as it should."))


@instance_app.command()
def remove(hostname: Hostname, reason: Reason, overrule: OverruleOption = None) -> None:
    """Take an instance off the web now, and purge it when the grace time is over; `restore` takes that back."""
    grace = dt.timedelta(days=admin_settings().removal_grace_days)

    async def work(session: AsyncSession, instance: Instance) -> str:
        removal = await removals.remove(
            session, instance, reason=reason, actor=ACTOR, grace=grace, overrule=_overrule(overrule)
        )
        now = "suspended" if removal.suspends else "stays in use, since it can't be suspended"
        return f"{now}; will be purged after {removal.purge_at:%Y-%m-%d %H:%M} UTC"

    _do(hostname, work)


@instance_app.command()
def restore(hostname: Hostname) -> None:
    """Take a removal back: what it suspended is resumed."""

    async def work(session: AsyncSession, instance: Instance) -> str:
        await removals.take_back(session, instance, actor=ACTOR)
        return "is kept"

    _do(hostname, work)


@instance_app.command()
def purge(hostname: Hostname, confirm: Confirm = "", overrule: OverruleOption = None) -> None:
    """Delete an instance with all that it holds, at once and for good. Its name rests for 90 days."""
    if confirm != hostname:
        raise PurgeNotConfirmed(hostname=hostname)

    async def work(session: AsyncSession, instance: Instance) -> str:
        run = await removals.purge_now(session, instance, actor=ACTOR, overrule=_overrule(overrule))
        return f"run {run.id} is on its way"

    _do(hostname, work)


def _do(hostname: str, work: Work) -> None:
    async def in_it(session: AsyncSession) -> str:
        return await work(session, await _named(session, hostname))

    typer.echo(f"{hostname}: {in_transaction(admin_settings(), in_it)}")


def _overrule(reason: str | None) -> Overrule | None:
    return None if reason is None else Overrule(ACTOR, reason)


async def _named(session: AsyncSession, hostname: str) -> Instance:
    """Find the instance that has the name now, and lock it. Raises `NotFound`."""
    found = await session.scalar(
        sa.select(Instance).where(Instance.hostname == hostname, Instance.state != "removed").with_for_update()
    )
    if found is None:
        raise NotFound
    return found


async def _lines(session: AsyncSession) -> list[str]:
    found = await session.scalars(sa.select(Instance).order_by(Instance.id))
    return [f"{one.hostname}\t{one.tool_slug}\t{one.state}\t{one.attention or '-'}" for one in found]
