"""Institutions: who they are, and which e-mail domains are theirs."""

import re
from collections.abc import Iterator, Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.members.errors import DomainTaken, MemberDiffers, MemberRefused, UnknownMember
from catalog.members.ror import ror_id
from catalog.members.tables import Member, MemberDomain
from catalog.platform import audit
from catalog.platform.errors import FieldError, NotFound
from catalog.platform.i18n import Text
from catalog.platform.provinces import PROVINCES, UNKNOWN_PROVINCE

ADD_LOCK = 7_203_914_552_021
MAXIMUM_DOMAIN = 253

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ALIAS = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")

_NO_ROR = Text(
    en="This is no ROR id: its check digits don’t fit. Copy it from ror.org.",
    fr="Ce n’est pas un identifiant ROR : ses chiffres de contrôle sont faux. Copiez-le de ror.org.",
)
_NO_ALIAS = Text(
    en="One label of a host name: lower-case letters, digits and hyphens, beginning with a letter.",
    fr="Une étiquette de nom d’hôte : minuscules, chiffres et traits d’union, en commençant par une lettre.",
)
_NO_DOMAIN = Text(en="This is no e-mail domain: {domain}", fr="Ce n’est pas un domaine de courriel : {domain}")
_EMPTY = Text(en="This must say something.", fr="Il faut dire quelque chose ici.")


class MemberSpec(msgspec.Struct, frozen=True):
    """What is said of an institution. `ror` is an id or an address of ror.org; `domains` are those of its e-mail."""

    ror: str
    alias: str
    name_en: str
    name_fr: str
    province: str
    domains: tuple[str, ...]
    help_desk: str | None = None


async def member_by_id(session: AsyncSession, member_id: UUID) -> Member:
    """Give a member. Raises `NotFound`."""
    found = await session.get(Member, member_id)
    if found is None:
        raise NotFound
    return found


async def member_by_alias(session: AsyncSession, alias: str) -> Member:
    """Give a member. Raises `NotFound`."""
    found = await session.scalar(sa.select(Member).where(Member.alias == alias))
    if found is None:
        raise NotFound
    return found


async def named_member(session: AsyncSession, alias: str) -> Member:
    """Give the member that an operator named. Raises `UnknownMember`, which says so in an operator's words."""
    found = await session.scalar(sa.select(Member).where(Member.alias == alias))
    if found is None:
        raise UnknownMember(alias=alias)
    return found


async def members(session: AsyncSession) -> Sequence[Member]:
    """List all members by alias."""
    return (await session.scalars(sa.select(Member).order_by(Member.alias))).all()


async def domains_of(session: AsyncSession, member_id: UUID) -> tuple[str, ...]:
    """List the e-mail domains of a member, in order."""
    found = await session.scalars(
        sa.select(MemberDomain.domain).where(MemberDomain.member_id == member_id).order_by(MemberDomain.domain)
    )
    return tuple(found)


async def add_member(session: AsyncSession, spec: MemberSpec, *, actor: str) -> tuple[Member, bool]:
    """Write an institution down; give it, and whether anything changed. The same again changes nothing.

    Further domains are added to a known member. Raises `MemberRefused` for what can't stand, `MemberDiffers` where
    the ROR id or the alias is another's, `DomainTaken` where a domain is.
    """
    spec = _normalised(spec)
    # Additions are rare: one at a time, so that two of them meet the checks and not a constraint.
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(ADD_LOCK)))
    known = await _known(session, spec)
    if known is None:
        member = Member(
            ror=spec.ror,
            alias=spec.alias,
            name_en=spec.name_en,
            name_fr=spec.name_fr,
            province=spec.province,
            help_desk=spec.help_desk,
        )
        session.add(member)
        await session.flush()
    else:
        member = known
    claimed = await _claim(session, member, spec.domains)
    if known is None or claimed:
        audit.record(
            session,
            actor=actor,
            action="member.added" if known is None else "member.domains_claimed",
            subject=("member", member.id),
            member_id=member.id,
            details={"ror": spec.ror, "alias": spec.alias, "domains": claimed},
        )
    return member, known is None or bool(claimed)


def _normalised(spec: MemberSpec) -> MemberSpec:
    """Write the spec in its one form. Raises `MemberRefused`."""
    domains = tuple(dict.fromkeys(domain.strip().lower().rstrip(".") for domain in spec.domains))
    bare = ror_id(spec.ror)
    wrong = tuple(_wrong(spec, domains))
    if bare is None or wrong:
        raise MemberRefused(fields=wrong if bare else (FieldError("/ror", "wrong-pattern", _NO_ROR), *wrong))
    return msgspec.structs.replace(spec, ror=bare, domains=domains)


def _wrong(spec: MemberSpec, domains: tuple[str, ...]) -> Iterator[FieldError]:
    if not _ALIAS.fullmatch(spec.alias):
        yield FieldError("/alias", "wrong-pattern", _NO_ALIAS)
    for name in ("name_en", "name_fr"):
        if not getattr(spec, name).strip():
            yield FieldError(f"/{name}", "required", _EMPTY)
    if spec.province not in PROVINCES:
        yield FieldError("/province", "not-allowed", UNKNOWN_PROVINCE)
    if not domains:
        yield FieldError("/domains", "required", _EMPTY)
    for position, domain in enumerate(domains):
        if not _DOMAIN.fullmatch(domain) or len(domain) > MAXIMUM_DOMAIN:
            yield FieldError(f"/domains/{position}", "wrong-pattern", _NO_DOMAIN.filled(domain=domain))


async def _known(session: AsyncSession, spec: MemberSpec) -> Member | None:
    """Find the member that is meant, if it is there. Raises `MemberDiffers`."""
    found = (
        await session.scalars(sa.select(Member).where(sa.or_(Member.ror == spec.ror, Member.alias == spec.alias)))
    ).all()
    names = ("ror", "alias", "name_en", "name_fr", "province", "help_desk")
    for member in found:
        differing = [name for name in names if getattr(member, name) != getattr(spec, name)]
        if differing:
            raise MemberDiffers(alias=member.alias, differing=", ".join(differing))
    return found[0] if found else None


async def _claim(session: AsyncSession, member: Member, domains: Sequence[str]) -> list[str]:
    """Claim what is not the member's yet; give the newly claimed. Raises `DomainTaken`."""
    claims = await session.execute(
        sa.select(MemberDomain.domain, MemberDomain.member_id, Member.alias)
        .join(Member, Member.id == MemberDomain.member_id)
        .where(MemberDomain.domain.in_(domains))
    )
    own = set()
    for domain, member_id, alias in claims:
        if member_id != member.id:
            raise DomainTaken(domain=domain, alias=alias)
        own.add(domain)
    fresh = [domain for domain in domains if domain not in own]
    session.add_all(MemberDomain(domain=domain, member_id=member.id) for domain in fresh)
    await session.flush()
    return fresh
