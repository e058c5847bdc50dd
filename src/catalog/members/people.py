"""People and their roles towards our API. A role and its audit entry are written in one transaction."""

from collections.abc import Sequence
from typing import get_args
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import CoopRole, MemberRole
from catalog.members.errors import RoleRefused, UnknownPerson
from catalog.members.tables import Member, Person, RoleGrant
from catalog.platform import audit
from catalog.platform.clock import now
from catalog.platform.ids import new_id

MEMBER_ROLES: tuple[str, ...] = get_args(MemberRole)
COOP_ROLES: tuple[str, ...] = get_args(CoopRole)


class PersonSpec(msgspec.Struct, frozen=True):
    """Whom a role is for: known by issuer and subject; the name and address are what operators read."""

    issuer: str
    subject: str
    name: str
    email: str | None = None


class Holder(msgspec.Struct, frozen=True):
    """A person with their roles, each with the alias of its member (None: co-op-wide)."""

    person: Person
    roles: tuple[tuple[str, str | None], ...]


async def ensure_person(session: AsyncSession, spec: PersonSpec) -> Person:
    """Give the person, written down anew where nobody knew of them. The name of a known person stays theirs."""
    await session.execute(
        insert(Person)
        .values(id=new_id(), created_at=now(), **msgspec.structs.asdict(spec))
        .on_conflict_do_nothing(index_elements=[Person.issuer, Person.subject])
    )
    return await person_by_subject(session, spec.issuer, spec.subject)


async def person_by_subject(session: AsyncSession, issuer: str, subject: str) -> Person:
    """Give a known person. Raises `UnknownPerson`."""
    found = await session.scalar(sa.select(Person).where(Person.issuer == issuer, Person.subject == subject))
    if found is None:
        raise UnknownPerson
    return found


async def grant_role(session: AsyncSession, person: Person, role: str, member: Member | None, *, actor: str) -> bool:
    """Give a role, at `member` or (None) co-op-wide; tell whether it is new. Raises `RoleRefused`."""
    check_role(role, member)
    granted = await session.scalar(
        insert(RoleGrant)
        .values(id=new_id(), created_at=now(), person_id=person.id, member_id=_id_of(member), role=role)
        .on_conflict_do_nothing(index_elements=[RoleGrant.person_id, RoleGrant.member_id, RoleGrant.role])
        .returning(RoleGrant.id)
    )
    if granted is None:
        return False
    _record(session, person, role, member, action="role.granted", actor=actor)
    return True


async def revoke_role(session: AsyncSession, person: Person, role: str, member: Member | None, *, actor: str) -> bool:
    """Take a role back; tell whether it was there. Raises `RoleRefused`."""
    check_role(role, member)
    gone = await session.scalar(
        sa.delete(RoleGrant)
        .where(
            RoleGrant.person_id == person.id,
            RoleGrant.member_id.is_not_distinct_from(_id_of(member)),
            RoleGrant.role == role,
        )
        .returning(RoleGrant.id)
    )
    if gone is None:
        return False
    _record(session, person, role, member, action="role.revoked", actor=actor)
    return True


async def holders(session: AsyncSession) -> Sequence[Holder]:
    """List everybody who is known, by name, with the roles that they hold."""
    rows = await session.execute(
        sa.select(Person, RoleGrant.role, Member.alias)
        .outerjoin(RoleGrant, RoleGrant.person_id == Person.id)
        .outerjoin(Member, Member.id == RoleGrant.member_id)
        .order_by(Person.name, Person.id, Member.alias.nulls_first(), RoleGrant.role)
    )
    people: dict[UUID, tuple[Person, list[tuple[str, str | None]]]] = {}
    for person, role, alias in rows:
        roles = people.setdefault(person.id, (person, []))[1]
        if role is not None:
            roles.append((role, alias))
    return [Holder(person, tuple(roles)) for person, roles in people.values()]


def check_role(role: str, member: Member | None) -> None:
    """Raise `RoleRefused` unless the role is one, and is held where it can be held."""
    if role not in (COOP_ROLES if member is None else MEMBER_ROLES):
        raise RoleRefused(member_roles=", ".join(MEMBER_ROLES), coop_roles=", ".join(COOP_ROLES))


def _id_of(member: Member | None) -> UUID | None:
    return None if member is None else member.id


def _record(  # noqa: PLR0913 - the parts of one deed
    session: AsyncSession, person: Person, role: str, member: Member | None, *, action: str, actor: str
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject=("person", person.id),
        member_id=_id_of(member),
        details={"role": role},
    )
