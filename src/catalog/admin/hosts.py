"""`catalog host`: the machines that instances stand on."""

from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import ACTOR, in_transaction
from catalog.settings import Environment, SettingsError, admin_settings
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


async def _lines(session: AsyncSession) -> list[str]:
    rows = await session.execute(sa.select(Host, Site).join(Site, Site.id == Host.site_id).order_by(Host.name))
    return [
        f"{host.name}\t{site.slug}\t{host.address}:{host.ssh_port}\t{host.release}\t{host.state}"
        f"\t{host.memory_mb} MB\t{host.disk_mb} MB\t{host.cpu_percent} %"
        for host, site in rows
    ]
