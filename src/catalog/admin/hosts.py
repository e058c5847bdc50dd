"""`catalog host`: the machines that instances stand on."""

from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import ACTOR, in_transaction
from catalog.runs.hosts import publishing
from catalog.runs.hosts.service import PatchOptions, Restart, Updates, start_patch, start_prepare
from catalog.settings import Environment, SettingsError, admin_settings
from catalog.sites import cordoning
from catalog.sites.hosts import HostSpec, add_host
from catalog.sites.service import site_by_slug
from catalog.sites.tables import Host, Site

host_app = typer.Typer(help="The machines that instances stand on.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The host's name.")]
SiteSlug = Annotated[str, typer.Option("--site", help="The site where it stands.")]
Address = Annotated[str, typer.Option(help="Its address, or a name that workers can resolve.")]
SshPort = Annotated[int, typer.Option("--port", min=1, max=65535, help="Where SSH listens.")]
KnownHosts = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="A known_hosts file that vouches for its key.")
]
Fingerprint = Annotated[str | None, typer.Option(help="Its key's fingerprint (SHA256:…), as read at its console.")]


Reason = Annotated[str, typer.Option(help="Why; other operators read it.")]
WhichUpdates = Annotated[
    Updates, typer.Option("--updates", help="security: the security archive's; stable: the point releases' too.")
]
WhetherRestart = Annotated[
    Restart, typer.Option("--restart", help="Whether the host is restarted where its updates need that.")
]


@host_app.command()
def add(  # noqa: PLR0913 - the parts of one host, each an option of its own
    name: Name,
    *,
    site: SiteSlug,
    address: Address,
    port: SshPort = 22,
    known_hosts: KnownHosts = None,
    fingerprint: Fingerprint = None,
) -> None:
    """Look at a host over SSH (key, release, clock, room, certificates), and add it. The same again changes nothing."""
    from catalog.admin.host_look import confirmed_key, look_at

    settings = admin_settings()
    tools_domain = Environment().text("CATALOG_TOOLS_DOMAIN")
    if settings.ssh_key_file is None:
        raise SettingsError("CATALOG_SSH_KEY_FILE is not set.")
    key = confirmed_key(address, port, known_hosts=known_hosts, fingerprint=fingerprint)
    findings = look_at(address, port, key, settings.ssh_key_file, tools_domain)
    spec = HostSpec(name=name, address=address, ssh_port=port, ssh_host_key=key)

    async def work(session: AsyncSession) -> tuple[Host, bool]:
        stands_at = await site_by_slug(session, site)
        return await add_host(session, stands_at, spec, findings, tools_domain=tools_domain, actor=ACTOR)

    host, changed = in_transaction(settings, work)
    room = f"{host.memory_mb} MB memory, {host.disk_mb} MB disk, {host.cpu_percent} % processor for instances"
    typer.echo(f"{name}: {'added' if changed else 'unchanged'}; Debian {host.release}, {room}")


@host_app.command("list")
def list_hosts() -> None:
    """List the hosts with their sites and what instances may take of them together."""
    for line in in_transaction(admin_settings(), _lines):
        typer.echo(line)


@host_app.command()
def publish() -> None:
    """Freeze what runs do on hosts (playbooks/hosts): runs that are started from now on do it so."""
    settings = admin_settings()
    automation = publishing.read_automation(settings.bundles)

    async def work(session: AsyncSession) -> str:
        revision, changed = await publishing.publish(session, automation, published_by=ACTOR)
        return f"hosts: revision {revision.number} ({'published' if changed else 'unchanged'})"

    typer.echo(in_transaction(settings, work))


@host_app.command()
def prepare(name: Name) -> None:
    """Make a fresh Debian one of ours. The same again changes nothing. `catalog host publish` comes first."""

    async def work(session: AsyncSession) -> str:
        return str((await start_prepare(session, name, requested_by=ACTOR)).id)

    typer.echo(f"{name}: run {in_transaction(admin_settings(), work)} is on its way")


@host_app.command()
def patch(name: Name, *, updates: WhichUpdates = "security", restart: WhetherRestart = "if-needed") -> None:
    """Bring the distribution's updates to a host, restart it where needed, and verify everything on it afterwards."""
    options = PatchOptions(updates, restart)

    async def work(session: AsyncSession) -> str:
        return str((await start_patch(session, name, options, requested_by=ACTOR)).id)

    typer.echo(f"{name}: run {in_transaction(admin_settings(), work)} is on its way")


@host_app.command()
def cordon(name: Name, *, reason: Reason) -> None:
    """Have a host take no more instances. What is there stays."""
    if not reason.strip():
        raise typer.BadParameter("Say why.", param_hint="--reason")

    async def work(session: AsyncSession) -> bool:
        return (await cordoning.cordon(session, name, reason=reason.strip(), actor=ACTOR))[1]

    typer.echo(f"{name}: {'cordoned' if in_transaction(admin_settings(), work) else 'was cordoned before'}")


@host_app.command()
def uncordon(name: Name) -> None:
    """Have a host take instances again."""

    async def work(session: AsyncSession) -> bool:
        return (await cordoning.uncordon(session, name, actor=ACTOR))[1]

    typer.echo(f"{name}: {'takes instances again' if in_transaction(admin_settings(), work) else 'was not cordoned'}")


async def _lines(session: AsyncSession) -> list[str]:
    rows = await session.execute(sa.select(Host, Site).join(Site, Site.id == Host.site_id).order_by(Host.name))
    return [
        f"{host.name}\t{site.slug}\t{host.address}:{host.ssh_port}\t{host.release}\t{host.state}"
        f"\t{host.memory_mb} MB\t{host.disk_mb} MB\t{host.cpu_percent} %\t{host.cordon_reason or '-'}"
        for host, site in rows
    ]
