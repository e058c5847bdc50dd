"""Instances, the places and names that they hold, and their secrets."""

import datetime as dt
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Base, Identified


class Instance(Identified):
    """One running tool of one member, at one hostname, on one host, with a desired and an applied state.

    The states and the moves between them are `instances.lifecycle`. `version` is raised by each change (`ETag`).
    """

    __tablename__ = "instances"

    member_id: Mapped[UUID] = mapped_column(sa.ForeignKey("members.id"))
    tool_slug: Mapped[str] = mapped_column(sa.ForeignKey("tools.slug"))
    hostname: Mapped[str]
    state: Mapped[str]
    host_id: Mapped[UUID] = mapped_column(sa.ForeignKey("hosts.id"), index=True)
    plan: Mapped[str]
    purpose: Mapped[str]
    owner_name: Mapped[str]
    owner_email: Mapped[str]
    language: Mapped[str]
    ends_on: Mapped[dt.date | None]
    reference: Mapped[str | None]
    labels: Mapped[dict[str, str]]
    desired_revision_id: Mapped[UUID] = mapped_column(sa.ForeignKey("tool_revisions.id"))
    desired_parameters: Mapped[dict[str, Any]]
    applied_revision_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("tool_revisions.id"))
    applied_parameters: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    applied_at: Mapped[dt.datetime | None]
    attention: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        sa.UniqueConstraint("id", "member_id"),
        sa.Index("ix_instances_member", "member_id", "id"),
        sa.Index("ix_instances_state", "state", "id"),
        sa.Index("ix_instances_tool", "tool_slug", "id"),
        sa.CheckConstraint(
            "state IN ('provisioning', 'running', 'failed', 'suspended', 'removing', 'removed')",
            name="state",
        ),
    )


class Hostname(Base):
    """A name that is held, or that rests after it was given up (`rests_until`) before somebody else can have it."""

    __tablename__ = "hostnames"

    hostname: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    instance_id: Mapped[UUID]
    rests_until: Mapped[dt.datetime | None]

    __table_args__ = (sa.ForeignKeyConstraint(["instance_id", "member_id"], ["instances.id", "instances.member_id"]),)


class Placement(Base):
    """What an instance takes of its host."""

    __tablename__ = "placements"

    instance_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    host_id: Mapped[UUID] = mapped_column(sa.ForeignKey("hosts.id"), index=True)
    memory_mb: Mapped[int]
    disk_mb: Mapped[int]
    cpu_percent: Mapped[int]

    __table_args__ = (sa.ForeignKeyConstraint(["instance_id", "member_id"], ["instances.id", "instances.member_id"]),)


class Port(Base):
    """A named port of an instance: the number is its alone on its host."""

    __tablename__ = "ports"

    host_id: Mapped[UUID] = mapped_column(sa.ForeignKey("hosts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[UUID]
    instance_id: Mapped[UUID]
    name: Mapped[str]

    __table_args__ = (
        sa.ForeignKeyConstraint(["instance_id", "member_id"], ["instances.id", "instances.member_id"]),
        sa.UniqueConstraint("instance_id", "name"),
        sa.CheckConstraint("number BETWEEN 20000 AND 29999", name="range"),
    )


class InstanceSecret(Base):
    """A secret of an instance, encrypted (`platform.secrets`) for its member, instance and name."""

    __tablename__ = "instance_secrets"

    instance_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[UUID]
    key_id: Mapped[str]
    nonce: Mapped[bytes]
    ciphertext: Mapped[bytes]

    __table_args__ = (sa.ForeignKeyConstraint(["instance_id", "member_id"], ["instances.id", "instances.member_id"]),)
