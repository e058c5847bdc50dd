"""Sites and hosts."""

import datetime as dt
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from catalog.platform.db.base import Identified
from catalog.platform.time_zones import default_zone, zone


class Site(Identified):
    """A data centre, and who attests where it stands and who runs it, from when until when.

    `most_runs` act on its hosts at once. `time_zone` is an IANA name; without one, its province's most common.
    """

    __tablename__ = "sites"

    slug: Mapped[str] = mapped_column(unique=True)
    name_en: Mapped[str]
    name_fr: Mapped[str]
    city: Mapped[str]
    province: Mapped[str]
    country: Mapped[str]
    operator: Mapped[str]
    attested_by: Mapped[str]
    evidence: Mapped[str]
    attested_from: Mapped[dt.date]
    attested_until: Mapped[dt.date]
    most_runs: Mapped[int] = mapped_column(default=16)
    time_zone: Mapped[str | None]

    __table_args__ = (
        sa.CheckConstraint("country = 'CA'", name="in_canada"),
        sa.CheckConstraint("most_runs BETWEEN 1 AND 100", name="most_runs"),
    )

    @property
    def zone(self) -> ZoneInfo:
        """The rules of the clocks there."""
        return zone(self.time_zone or default_zone(self.province))


class Host(Identified):
    """A Debian machine at a site. State: `active`, `cordoned` (keeps what it has, takes no more), `retired` (final).

    `memory_mb`, `disk_mb` and `cpu_percent` (100 a core) are what instances may take together. `dedicated_member_id`:
    where people's code runs, a host serves one member alone. `most_runs` act on it at once.

    `cordon_reason`, `cordoned_by` (an actor as the audit trail names it) and `cordoned_at` stand while it is cordoned.
    """

    __tablename__ = "hosts"

    site_id: Mapped[UUID] = mapped_column(sa.ForeignKey("sites.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str]
    ssh_port: Mapped[int]
    ssh_host_key: Mapped[str]
    release: Mapped[str]
    state: Mapped[str]
    memory_mb: Mapped[int]
    disk_mb: Mapped[int]
    cpu_percent: Mapped[int]
    dedicated_member_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("members.id"))
    most_runs: Mapped[int] = mapped_column(default=4)
    cordon_reason: Mapped[str | None]
    cordoned_by: Mapped[str | None]
    cordoned_at: Mapped[dt.datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("address", "ssh_port"),
        sa.CheckConstraint("state IN ('active', 'cordoned', 'retired')", name="state"),
        sa.CheckConstraint("most_runs BETWEEN 1 AND 100", name="most_runs"),
    )
