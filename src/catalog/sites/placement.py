"""Which host a new instance goes to: a decision over rows, so that the same rows always give the same answer."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Protocol
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.sites.tables import Host, Site


class Size(Protocol):
    """What an instance takes of its host; a tool's plan is one."""

    @property
    def memory_mb(self) -> int:
        """Memory, in MB."""
        ...

    @property
    def disk_mb(self) -> int:
        """Disk, in MB."""
        ...

    @property
    def cpu_percent(self) -> int:
        """Processor time, in hundredths of a core."""
        ...


class Used(msgspec.Struct, frozen=True):
    """What a host's instances take together, and whose they are."""

    memory_mb: int = 0
    disk_mb: int = 0
    cpu_percent: int = 0
    members: frozenset[UUID] = frozenset()


class Proposal(msgspec.Struct, frozen=True):
    """Where an instance would go. `dedicates` says that the host then serves this member alone."""

    site: Site
    host: Host
    dedicates: bool


class Wish(msgspec.Struct, frozen=True):
    """What is to be placed, for whom; `province` is the member's. `today` decides which attestations hold."""

    size: Size
    member_id: UUID
    province: str
    runs_code: bool
    today: dt.date


async def propose(  # noqa: PLR0913 - the wish's parts, given by keyword
    session: AsyncSession,
    *,
    plan: Size,
    member_id: UUID,
    province: str,
    runs_code: bool,
    today: dt.date,
    used: Mapping[UUID, Used],
    site_id: UUID | None = None,
) -> Proposal | None:
    """Find the best host that has room, or none. `used` is by host id; with `site_id`, only that site's hosts.

    A proposal holds nothing: whoever reserves looks again, with the host's row locked.
    """
    statement = sa.select(Host, Site).join(Site, Site.id == Host.site_id).order_by(Host.name)
    if site_id is not None:
        statement = statement.where(Site.id == site_id)
    rows = [(row[0], row[1]) for row in await session.execute(statement)]
    return best(rows, used, Wish(plan, member_id, province, runs_code, today))


def best(rows: Iterable[tuple[Host, Site]], used: Mapping[UUID, Used], wish: Wish) -> Proposal | None:
    """Choose among `rows`: the member's own province first, then the most memory left, then the host's name."""
    fitting = [(host, site) for host, site in rows if fits(host, site, used.get(host.id, Used()), wish)]
    if not fitting:
        return None
    host, site = min(fitting, key=lambda row: _order(row[0], row[1], used.get(row[0].id, Used()), wish))
    return Proposal(site=site, host=host, dedicates=wish.runs_code and host.dedicated_member_id is None)


def fits(host: Host, site: Site, used: Used, wish: Wish) -> bool:
    """Tell whether the host may take the instance, and has room for it."""
    return _may_stand(host, site, wish.today) and _serves(host, used, wish) and _has_room(host, used, wish.size)


def _may_stand(host: Host, site: Site, today: dt.date) -> bool:
    attested = site.attested_from <= today <= site.attested_until
    return host.state == "active" and site.country == "CA" and attested


def _serves(host: Host, used: Used, wish: Wish) -> bool:
    """Where people's code runs, a host serves one member alone; a dedicated host takes nobody else's tool either."""
    if host.dedicated_member_id is not None:
        return host.dedicated_member_id == wish.member_id
    return not wish.runs_code or used == Used()


def _has_room(host: Host, used: Used, size: Size) -> bool:
    return (
        used.memory_mb + size.memory_mb <= host.memory_mb
        and used.disk_mb + size.disk_mb <= host.disk_mb
        and used.cpu_percent + size.cpu_percent <= host.cpu_percent
    )


def _order(host: Host, site: Site, used: Used, wish: Wish) -> tuple[bool, bool, int, str]:
    elsewhere = site.province != wish.province
    # A host that already serves this member alone is filled before another one is taken from everybody.
    undedicated = wish.runs_code and host.dedicated_member_id is None
    return elsewhere, undedicated, used.memory_mb - host.memory_mb, host.name
