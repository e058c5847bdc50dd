"""`catalog instance`: runs on instances that are there."""

from collections.abc import Callable
from typing import Annotated

import sqlalchemy as sa
import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import ACTOR, in_transaction
from catalog.instances.tables import Instance
from catalog.platform.errors import NotFound
from catalog.runs.service import start_instance_run
from catalog.settings import admin_settings

instance_app = typer.Typer(help="Runs on instances.", no_args_is_help=True)

Hostname = Annotated[str, typer.Argument(help="The instance's hostname.")]


@instance_app.command("list")
def list_instances() -> None:
    """List the instances with their states."""
    for line in in_transaction(admin_settings(), _lines):
        typer.echo(line)


def _command(action: str, sentence: str) -> Callable[[str], None]:
    def command(hostname: Hostname) -> None:
        async def work(session: AsyncSession) -> str:
            instance = await _named(session, hostname)
            return str((await start_instance_run(session, instance, action, requested_by=ACTOR)).id)

        typer.echo(f"{hostname}: run {in_transaction(admin_settings(), work)} is on its way")

    command.__doc__ = sentence
    return command


instance_app.command("provision")(
    _command("provision", "Set an instance up again, as it is desired now: what differs is put right and reported.")
)
instance_app.command("verify")(_command("verify", "Look whether an instance answers as it should."))
instance_app.command("remove")(
    _command("deprovision", "Remove an instance with all that it holds. Its name rests for 90 days.")
)


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
