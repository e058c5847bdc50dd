"""Members, their e-mail domains, people and roles."""

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Base, Identified


class Member(Identified):
    """An institution of the co-op. `organization_id` is its Keycloak Organization, once a run has made it."""

    __tablename__ = "members"

    ror: Mapped[str] = mapped_column(unique=True)
    alias: Mapped[str] = mapped_column(unique=True)
    name_en: Mapped[str]
    name_fr: Mapped[str]
    province: Mapped[str]
    help_desk: Mapped[str | None]
    organization_id: Mapped[str | None] = mapped_column(unique=True)


class MemberDomain(Base):
    """An e-mail domain, which one member alone may claim."""

    __tablename__ = "member_domains"

    domain: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(sa.ForeignKey("members.id"), index=True)


class Person(Identified):
    """Whoever signed in, known by issuer and subject (OpenID Connect Core 1.0, section 2)."""

    __tablename__ = "people"

    issuer: Mapped[str]
    subject: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None]
    last_seen_at: Mapped[dt.datetime | None]

    __table_args__ = (sa.UniqueConstraint("issuer", "subject"),)


class RoleGrant(Identified):
    """A role of a person towards our API: at one member, or co-op-wide where `member_id` is empty."""

    __tablename__ = "role_grants"

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    member_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    role: Mapped[str]

    __table_args__ = (
        sa.UniqueConstraint("person_id", "member_id", "role", postgresql_nulls_not_distinct=True),
        sa.CheckConstraint(
            "(member_id IS NULL) = (role IN ('operator', 'steward'))"
            " AND role IN ('requester', 'member-it', 'privacy-officer', 'delegate', 'operator', 'steward')",
            name="role_fits_member",
        ),
    )
