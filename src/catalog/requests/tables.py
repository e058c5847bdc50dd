"""Requests, decisions, and the keys that make a repeated POST harmless."""

import datetime as dt
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.clock import now
from catalog.platform.db.base import Base, Identified


class Request(Identified):
    """A member asks for a new instance.

    States: `submitted`, `approved` (its run is on the way); final: `declined`, `withdrawn`, `fulfilled`,
    `abandoned`. A run that fails leaves it `approved`, since the run can be tried again.
    """

    __tablename__ = "requests"

    member_id: Mapped[UUID] = mapped_column(sa.ForeignKey("members.id"))
    requested_by: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    tool_slug: Mapped[str] = mapped_column(sa.ForeignKey("tools.slug"))
    revision_id: Mapped[UUID] = mapped_column(sa.ForeignKey("tool_revisions.id"))
    plan: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    hostname: Mapped[str]
    purpose: Mapped[str]
    owner_name: Mapped[str]
    owner_email: Mapped[str]
    language: Mapped[str]
    term: Mapped[str | None]
    ends_on: Mapped[dt.date | None]
    reference: Mapped[str | None]
    labels: Mapped[dict[str, str]]
    site_id: Mapped[UUID] = mapped_column(sa.ForeignKey("sites.id"))
    warnings: Mapped[list[dict[str, Any]]]
    instance_id: Mapped[UUID] = mapped_column(unique=True)
    run_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default="submitted")
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        sa.UniqueConstraint("id", "member_id"),
        sa.Index("ix_requests_member", "member_id", "id"),
        sa.Index("ix_requests_state", "state", "id"),
        sa.Index("ix_requests_reference", "member_id", "reference"),
        sa.CheckConstraint(
            "state IN ('submitted', 'approved', 'declined', 'withdrawn', 'fulfilled', 'abandoned')", name="state"
        ),
    )


class Decision(Identified):
    """Who approved or declined a request, when and why."""

    __tablename__ = "decisions"

    member_id: Mapped[UUID]
    request_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    outcome: Mapped[str]
    reason: Mapped[str | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["request_id", "member_id"], ["requests.id", "requests.member_id"]),
        sa.CheckConstraint("outcome IN ('approved', 'declined')", name="outcome"),
    )


class IdempotencyKey(Base):
    """A POST that was answered: the same key with the same body gets the same request again."""

    __tablename__ = "idempotency_keys"

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_digest: Mapped[bytes]
    member_id: Mapped[UUID]
    request_id: Mapped[UUID]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    __table_args__ = (sa.ForeignKeyConstraint(["request_id", "member_id"], ["requests.id", "requests.member_id"]),)
