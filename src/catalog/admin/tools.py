"""`catalog tools`: publish bundles, list and withdraw revisions."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import ACTOR, in_transaction
from catalog.settings import admin_settings
from catalog.tools import publishing, service
from catalog.tools.bundles import bundle_slugs, read_bundle
from catalog.tools.listing import listing_of

tools_app = typer.Typer(help="The catalog's tools.", no_args_is_help=True)

Slugs = Annotated[list[str] | None, typer.Argument(help="The folders' names under playbooks/tools.")]
Every = Annotated[bool, typer.Option("--all", help="Publish every bundle.")]
Slug = Annotated[str, typer.Argument(help="The tool.")]
Number = Annotated[int, typer.Argument(min=1, help="The revision's number.")]
Successor = Annotated[int | None, typer.Option(min=1, help="The revision to have instead.")]


@tools_app.command()
def publish(slugs: Slugs = None, *, every: Every = False) -> None:
    """Publish bundles, all of them or none: what changed becomes the current revision; the rest stays as it is."""
    if bool(slugs) == every:
        raise typer.BadParameter("Name the tools, or say --all.")
    settings = admin_settings()
    # In order of their names, so that two who publish several at once wait for each other in turn.
    named = bundle_slugs(settings.bundles) if every else tuple(sorted(set(slugs or ())))
    bundles = [read_bundle(settings.bundles, slug) for slug in named]

    async def work(session: AsyncSession) -> list[publishing.Published]:
        return [await publishing.publish(session, bundle, published_by=ACTOR) for bundle in bundles]

    for published in in_transaction(settings, work):
        said = "published" if published.changed else "texts changed" if published.listing_changed else "unchanged"
        typer.echo(f"{published.slug}: revision {published.revision_number} ({said})")


@tools_app.command("list")
def list_tools() -> None:
    """List the tools with their current revisions."""
    for line in in_transaction(admin_settings(), _lines):
        typer.echo(line)


@tools_app.command()
def withdraw(slug: Slug, number: Number, successor: Successor = None) -> None:
    """Withdraw a revision for good. If it was the current one, its successor becomes current."""

    async def work(session: AsyncSession) -> bool:
        return await publishing.withdraw(session, slug, number, successor, withdrawn_by=ACTOR)

    changed = in_transaction(admin_settings(), work)
    typer.echo(f"{slug}: revision {number} {'is withdrawn' if changed else 'was withdrawn before'}")


async def _lines(session: AsyncSession) -> list[str]:
    return [
        f"{tool.slug}\t"
        + ("-" if revision is None else f"{revision.number}\t{revision.version}\t{revision.digest[:12]}")
        + f"\t{listing_of(tool).name.en}"
        for tool, revision in await service.catalog(session)
    ]
