"""`catalog person`: who holds which role towards the API."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.admin.session import ACTOR, in_transaction
from catalog.members import people
from catalog.members.service import named_member
from catalog.members.tables import Member
from catalog.settings import AdminSettings, SettingsError, admin_settings

person_app = typer.Typer(help="People and their roles.", no_args_is_help=True)

Role = Annotated[str, typer.Argument(help=", ".join((*people.MEMBER_ROLES, *people.COOP_ROLES)))]
Subject = Annotated[str, typer.Option(help="The `sub` of the person's tokens.")]
Issuer = Annotated[str | None, typer.Option(help="The `iss` of their tokens; else CATALOG_OIDC_ISSUER.")]
Name = Annotated[str, typer.Option(help="What operators call the person; a known person keeps their name.")]
Email = Annotated[str | None, typer.Option(help="The person's address.")]
MemberAlias = Annotated[str | None, typer.Option("--member", help="The member at which the role is held.")]


@person_app.command()
def grant(  # noqa: PLR0913 - the parts of one grant, each an option of its own
    role: Role,
    *,
    subject: Subject,
    name: Name,
    issuer: Issuer = None,
    email: Email = None,
    member_alias: MemberAlias = None,
) -> None:
    """Give a person a role; who is not known yet is written down. The same again changes nothing."""
    settings = admin_settings()
    spec = people.PersonSpec(issuer=_issuer(issuer, settings), subject=subject, name=name, email=email)

    async def work(session: AsyncSession) -> bool:
        member = await _member(session, member_alias)
        people.check_role(role, member)
        person = await people.ensure_person(session, spec)
        return await people.grant_role(session, person, role, member, actor=ACTOR)

    granted = in_transaction(settings, work)
    typer.echo(f"{role}: {'granted' if granted else 'held before'}")


@person_app.command()
def revoke(role: Role, *, subject: Subject, issuer: Issuer = None, member_alias: MemberAlias = None) -> None:
    """Take a role back from a person. It ends with the person's next request."""
    settings = admin_settings()
    known_issuer = _issuer(issuer, settings)

    async def work(session: AsyncSession) -> bool:
        member = await _member(session, member_alias)
        person = await people.person_by_subject(session, known_issuer, subject)
        return await people.revoke_role(session, person, role, member, actor=ACTOR)

    revoked = in_transaction(settings, work)
    typer.echo(f"{role}: {'revoked' if revoked else 'was not held'}")


@person_app.command("list")
def list_people() -> None:
    """List everybody who is known, with their roles."""
    for line in in_transaction(admin_settings(), _lines):
        typer.echo(line)


def _issuer(said: str | None, settings: AdminSettings) -> str:
    issuer = said or settings.issuer
    if issuer is None:
        raise SettingsError("Say --issuer, or set CATALOG_OIDC_ISSUER.")
    return issuer.rstrip("/")


async def _member(session: AsyncSession, alias: str | None) -> Member | None:
    return None if alias is None else await named_member(session, alias)


async def _lines(session: AsyncSession) -> list[str]:
    lines = []
    for holder in await people.holders(session):
        roles = ", ".join(role if alias is None else f"{role} at {alias}" for role, alias in holder.roles)
        lines.append(f"{holder.person.name}\t{holder.person.subject}\t{roles or '-'}")
    return lines
