"""From a verified identity to a person with roles: read at each request, so that a role that ended has ended."""

from collections import defaultdict
from typing import cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal, Role
from catalog.identity.tokens import Identity
from catalog.members.tables import Person, RoleGrant
from catalog.platform.clock import now
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import Scope, enter
from catalog.platform.ids import new_id


async def principal_of(database: Database, identity: Identity) -> Principal:
    """Find whoever signed in, or write them down at their first call; give them with their roles of now."""
    introduction = Scope(issuer=identity.issuer, subject=identity.subject)
    async with database.begin(introduction) as session:
        person_id = await _person_id(session, identity)
        await enter(session, Scope(person_id=person_id, issuer=identity.issuer, subject=identity.subject))
        grants = (
            await session.execute(
                sa.select(RoleGrant.member_id, RoleGrant.role).where(RoleGrant.person_id == person_id)
            )
        ).all()
    member_roles: defaultdict[UUID, set[Role]] = defaultdict(set)
    coop_roles: set[Role] = set()
    for member_id, role in grants:
        (coop_roles if member_id is None else member_roles[member_id]).add(cast("Role", role))
    return Principal(
        person_id=person_id,
        issuer=identity.issuer,
        subject=identity.subject,
        name=identity.name,
        email=identity.email,
        member_roles={member: frozenset(roles) for member, roles in member_roles.items()},
        coop_roles=frozenset(coop_roles),
    )


async def _person_id(session: AsyncSession, identity: Identity) -> UUID:
    known = await session.execute(
        sa.select(Person.id, Person.name, Person.email).where(
            Person.issuer == identity.issuer, Person.subject == identity.subject
        )
    )
    row = known.one_or_none()
    if row is not None and (row.name, row.email) == (identity.name, identity.email):
        known_id: UUID = row.id
        return known_id
    written = insert(Person).values(
        id=new_id(),
        created_at=now(),
        issuer=identity.issuer,
        subject=identity.subject,
        name=identity.name,
        email=identity.email,
        last_seen_at=now(),
    )
    changed = written.on_conflict_do_update(
        index_elements=[Person.issuer, Person.subject], set_={"name": identity.name, "email": identity.email}
    ).returning(Person.id)
    return (await session.scalars(changed)).one()
