"""Whoever is asking, with the roles that they hold at this moment."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from catalog.platform.db.scope import Scope
from catalog.platform.errors import Forbidden

MemberRole = Literal["requester", "member-it", "privacy-officer", "delegate"]
CoopRole = Literal["operator", "steward"]
Role = MemberRole | CoopRole


class Principal(msgspec.Struct, frozen=True):
    """A signed-in person: roles by member id, and those towards the co-op as a whole."""

    person_id: UUID
    issuer: str
    subject: str
    name: str
    email: str | None
    member_roles: Mapping[UUID, frozenset[Role]]
    coop_roles: frozenset[Role]

    @property
    def is_operator(self) -> bool:
        """Whether the person operates the co-op's machine room."""
        return "operator" in self.coop_roles

    @property
    def actor(self) -> str:
        """How the audit trail names the person."""
        return f"person:{self.person_id}"

    def scope(self) -> Scope:
        """Give what the database lets this person see."""
        return Scope(
            members=frozenset(self.member_roles),
            person_id=self.person_id,
            operator=self.is_operator,
            issuer=self.issuer,
            subject=self.subject,
        )

    def has(self, role: Role, member_id: UUID | None = None) -> bool:
        """Tell whether the person holds `role`, at `member_id` or (without it) co-op-wide."""
        if member_id is None:
            return role in self.coop_roles
        return role in self.member_roles.get(member_id, frozenset())

    def require(self, role: Role, member_id: UUID | None = None) -> None:
        """Raise `Forbidden` unless the person holds `role`."""
        if not self.has(role, member_id):
            raise Forbidden(role=role)
