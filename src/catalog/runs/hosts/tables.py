"""The automation of hosts' runs."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Identified


class HostRevision(Identified):
    """An immutable snapshot of `playbooks/hosts/`, numbered from 1. New runs use the one that `is_current`.

    `archive` is a tar of the `playbooks/` tree that runs unpack, `digest` its SHA-256.
    """

    __tablename__ = "host_revisions"

    number: Mapped[int] = mapped_column(unique=True)
    digest: Mapped[str] = mapped_column(unique=True)
    archive: Mapped[bytes] = mapped_column(deferred=True)
    ansible_core: Mapped[str]
    is_current: Mapped[bool]
    published_by: Mapped[str]

    __table_args__ = (
        sa.Index("uq_host_revisions_current", "is_current", unique=True, postgresql_where=sa.text("is_current")),
    )
