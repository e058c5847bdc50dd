"""`catalog site`: the data centres."""

import datetime as dt
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import ACTOR, in_transaction
from catalog.platform.clock import now
from catalog.settings import admin_settings
from catalog.sites.service import SiteSpec, add_site
from catalog.sites.tables import Site

site_app = typer.Typer(help="The data centres.", no_args_is_help=True)

DAY = ["%Y-%m-%d"]
Slug = Annotated[str, typer.Argument(help="The site's name in commands and queues.")]
NameEn = Annotated[str, typer.Option("--name-en", help="Its name in English.")]
NameFr = Annotated[str, typer.Option("--name-fr", help="Its name in French.")]
City = Annotated[str, typer.Option(help="The city.")]
Province = Annotated[str, typer.Option(help="The province or territory: AB, BC, …")]
Country = Annotated[str, typer.Option(help="The country, which must be CA.")]
Operator = Annotated[str, typer.Option(help="Who runs the data centre.")]
TimeZone = Annotated[
    str | None, typer.Option(help="The IANA name of its clocks, where they are not those of most of its province.")
]
AttestedBy = Annotated[str, typer.Option(help="Who attests where it stands and who runs it.")]
Evidence = Annotated[str, typer.Option(help="Where the attestation can be read.")]
From = Annotated[dt.datetime, typer.Option("--from", formats=DAY, help="The attestation's first day.")]
Until = Annotated[dt.datetime, typer.Option("--until", formats=DAY, help="The attestation's last day.")]


@site_app.command()
def add(  # noqa: PLR0913 - the parts of one site, each an option of its own
    slug: Slug,
    *,
    name_en: NameEn,
    name_fr: NameFr,
    city: City,
    province: Province,
    operator: Operator,
    attested_by: AttestedBy,
    evidence: Evidence,
    attested_from: From,
    attested_until: Until,
    country: Country = "CA",
    time_zone: TimeZone = None,
) -> None:
    """Add a site, or attest a known one anew. The same again changes nothing."""
    spec = SiteSpec(
        slug=slug,
        name_en=name_en,
        name_fr=name_fr,
        city=city,
        province=province,
        country=country,
        time_zone=time_zone,
        operator=operator,
        attested_by=attested_by,
        evidence=evidence,
        attested_from=attested_from.date(),
        attested_until=attested_until.date(),
    )

    async def work(session: AsyncSession) -> bool:
        return (await add_site(session, spec, actor=ACTOR, today=now().date()))[1]

    changed = in_transaction(admin_settings(), work)
    typer.echo(f"{slug}: {'written down' if changed else 'unchanged'}")


@site_app.command("list")
def list_sites() -> None:
    """List the sites with their clocks' time zone and the last day of their attestation."""
    for line in in_transaction(admin_settings(), _lines):
        typer.echo(line)


async def _lines(session: AsyncSession) -> list[str]:
    sites = await session.scalars(select(Site).order_by(Site.slug))
    return [
        f"{site.slug}\t{site.city}, {site.province}\t{site.operator}\t{site.zone.key}\t{site.attested_until}"
        for site in sites
    ]
