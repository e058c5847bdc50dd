"""Tools and their revisions."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Base, Identified


class Tool(Base):
    """An entry of the catalog. `listing` is what people read, digested apart from the automation."""

    __tablename__ = "tools"

    slug: Mapped[str] = mapped_column(primary_key=True)
    listing: Mapped[dict[str, Any]]
    listing_digest: Mapped[str]


class ToolRevision(Identified):
    """An immutable snapshot of a bundle's automation.

    `archive` is a tar of the `playbooks/` tree that its runs unpack, `digest` its SHA-256; `manifest` is what the
    automation declares (plans, sign-on, ports, secrets, actions, …), `parameters_schema` its JSON Schema,
    `action_schemas` those of what its own actions take, by the action's name.
    State: `current` or `superseded` (both can be run), `withdrawn` (final; can't be requested any more).
    """

    __tablename__ = "tool_revisions"

    tool_slug: Mapped[str] = mapped_column(sa.ForeignKey("tools.slug"))
    number: Mapped[int]
    version: Mapped[str]
    digest: Mapped[str]
    archive: Mapped[bytes] = mapped_column(deferred=True)
    manifest: Mapped[dict[str, Any]]
    parameters_schema: Mapped[dict[str, Any]]
    action_schemas: Mapped[dict[str, Any]] = mapped_column(default=dict)
    ansible_core: Mapped[str]
    state: Mapped[str]
    successor_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("tool_revisions.id"))
    published_by: Mapped[str]

    __table_args__ = (
        sa.UniqueConstraint("tool_slug", "number"),
        sa.UniqueConstraint("tool_slug", "digest"),
        sa.Index(
            "uq_tool_revisions_current",
            "tool_slug",
            unique=True,
            postgresql_where=sa.text("state = 'current'"),
        ),
        sa.CheckConstraint("state IN ('current', 'superseded', 'withdrawn')", name="state"),
    )


class Generation(Base):
    """A counter that every change of a cached thing raises; server processes compare it with what they cached."""

    __tablename__ = "generations"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(sa.BigInteger, default=0)
