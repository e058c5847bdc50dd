"""What is kept of an operator's shell for as long as its run lasts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Base


class ShellRun(Base):
    """The shell that does the playbook of a run.

    `key_digest` (SHA-256) is of the key that it alone knows, and that outlives its token. `attempt` is its own, once it
    has claimed the step. `lines` are how many it has told so far. `public_key` (X25519) is what a worker is to seal the
    instance's secrets for; `sealed` is what came of it. Both are empty again once the shell has fetched it.
    """

    __tablename__ = "shell_runs"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    shell: Mapped[str]
    key_digest: Mapped[bytes]
    attempt: Mapped[int | None]
    lines: Mapped[int] = mapped_column(default=0)
    public_key: Mapped[bytes | None]
    sealed: Mapped[bytes | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["run_id", "member_id"], ["runs.id", "runs.member_id"]),
        sa.CheckConstraint("sealed IS NULL OR public_key IS NOT NULL", name="sealed"),
    )
