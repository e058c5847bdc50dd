"""Who is asking: what a transaction tells PostgreSQL, so that row-level security can hold members apart.

The settings are local to the transaction. The policies in the migrations read them; without any of them the server's
role sees no member's rows at all.
"""

from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_SET = sa.text(
    "SELECT set_config('catalog.members', :members, true), set_config('catalog.person', :person, true),"
    " set_config('catalog.operator', :operator, true), set_config('catalog.issuer', :issuer, true),"
    " set_config('catalog.subject', :subject, true)"
)


class Scope(msgspec.Struct, frozen=True):
    """Whose rows a transaction may see.

    `members` are those of which the person holds a role, `operator` is a role of the co-op as a whole; `issuer` and
    `subject` name whoever is just signing in and has no `person_id` yet.
    """

    members: frozenset[UUID] = frozenset()
    person_id: UUID | None = None
    operator: bool = False
    issuer: str = ""
    subject: str = ""


_INFO = "scope"

NOBODY = Scope()
OPERATOR = Scope(operator=True)


async def enter(session: AsyncSession, scope: Scope) -> None:
    """Set the transaction's scope; a later call in the same transaction replaces it."""
    session.info[_INFO] = scope
    await session.execute(
        _SET,
        {
            "members": ",".join(sorted(map(str, scope.members))),
            "person": str(scope.person_id or ""),
            "operator": "on" if scope.operator else "",
            "issuer": scope.issuer,
            "subject": scope.subject,
        },
    )


def scope_of(session: AsyncSession) -> Scope:
    """Give the transaction's scope."""
    scope: Scope = session.info.get(_INFO, NOBODY)
    return scope
