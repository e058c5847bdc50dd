"""`catalog member`: the institutions of the co-op."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import ACTOR, in_transaction
from catalog.members.service import MemberSpec, add_member, domains_of, members
from catalog.members.tables import Member
from catalog.runs.definitions import DEFINITION, steps_for
from catalog.runs.service import start_run
from catalog.settings import admin_settings

member_app = typer.Typer(help="The institutions of the co-op.", no_args_is_help=True)

Ror = Annotated[str, typer.Option(help="The ROR id, or its address on ror.org.")]
Alias = Annotated[str, typer.Option(help="A short name: one label of a host name.")]
NameEn = Annotated[str, typer.Option("--name-en", help="The name in English.")]
NameFr = Annotated[str, typer.Option("--name-fr", help="The name in French.")]
Province = Annotated[str, typer.Option(help="The province or territory: AB, BC, …")]
Domains = Annotated[list[str], typer.Option("--domain", help="A domain of its e-mail; say it again for more.")]
HelpDesk = Annotated[str | None, typer.Option(help="Where its people find help: an address or a page.")]


@member_app.command()
def add(  # noqa: PLR0913 - the parts of one member, each an option of its own
    *,
    ror: Ror,
    alias: Alias,
    name_en: NameEn,
    name_fr: NameFr,
    province: Province,
    domains: Domains,
    help_desk: HelpDesk = None,
) -> None:
    """Add an institution, and start the run that makes its sign-on. The same again changes nothing."""
    spec = MemberSpec(
        ror=ror,
        alias=alias,
        name_en=name_en,
        name_fr=name_fr,
        province=province,
        domains=tuple(domains),
        help_desk=help_desk,
    )

    async def work(session: AsyncSession) -> bool:
        member, changed = await add_member(session, spec, actor=ACTOR)
        if changed:
            await _start_sign_on(session, member)
        return changed

    changed = in_transaction(admin_settings(), work)
    typer.echo(f"{alias}: {'written down; its sign-on is being made' if changed else 'unchanged'}")


@member_app.command("list")
def list_members() -> None:
    """List the members with their domains, and whether their people can sign in yet."""
    for line in in_transaction(admin_settings(), _lines):
        typer.echo(line)


async def _start_sign_on(session: AsyncSession, member: Member) -> None:
    await start_run(
        session,
        subject_kind="member",
        subject_id=member.id,
        member_id=member.id,
        action="sign-on",
        input={},
        requested_by=ACTOR,
        steps=steps_for("sign-on", site_slug=None),
        definition=DEFINITION,
    )


async def _lines(session: AsyncSession) -> list[str]:
    lines = []
    for member in await members(session):
        domains = ", ".join(await domains_of(session, member.id))
        ready = "sign-on ready" if member.organization_id else "sign-on not made yet"
        lines.append(f"{member.alias}\t{member.ror}\t{member.province}\t{member.name_en}\t{domains}\t{ready}")
    return lines
