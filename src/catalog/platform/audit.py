"""The audit trail: who did what to what, written in the transaction that it tells of, and never changed after."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Identified


class AuditEntry(Identified):
    """One deed. `actor` is `person:<id>`, `worker`, or an operator at the server's shell: `command`, `command:<login>`.

    `member_id` is empty for what concerns the co-op as a whole.
    """

    __tablename__ = "audit_entries"

    member_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("members.id"))
    actor: Mapped[str]
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    details: Mapped[dict[str, Any]]
    request_id: Mapped[str | None]

    __table_args__ = (
        sa.Index("ix_audit_entries_subject", "subject_kind", "subject_id", "id"),
        sa.Index("ix_audit_entries_member", "member_id", "id"),
    )


def record(  # noqa: PLR0913 - the parts of one deed, given by keyword
    session: AsyncSession,
    *,
    actor: str,
    action: str,
    subject: tuple[str, object],
    member_id: UUID | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Write down a deed. `subject` is its kind and id; the request id is taken from the log's context."""
    session.add(
        AuditEntry(
            member_id=member_id,
            actor=actor,
            action=action,
            subject_kind=subject[0],
            subject_id=str(subject[1]),
            details=details or {},
            request_id=structlog.contextvars.get_contextvars().get("request_id"),
        )
    )
