"""Finding a host with room, and saying what lacks where there is none."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.errors import NoRoom, SiteFull
from catalog.platform.clock import now
from catalog.platform.errors import FieldError
from catalog.platform.i18n import Text
from catalog.sites.placement import Proposal, Used, Wish, fits, propose
from catalog.sites.tables import Host, Site
from catalog.tools.manifest import Manifest, Plan

Places = Sequence[tuple[Host, Site]]

_USAGE = sa.text("SELECT host_id, memory_mb, disk_mb, cpu_percent FROM catalog_host_usage()")

_NO_HOST = Text(
    en="No host is open to this member’s instances of this kind just now.",
    fr="Aucun hôte n’est ouvert en ce moment à ce type d’instance pour ce membre.",
)
_NO_EMPTY_HOST = Text(
    en="People’s code runs on this tool, so it needs a host of the member’s alone, and none is free.",
    fr="Cet outil exécute du code : il lui faut un hôte réservé au membre, et aucun n’est libre.",
)
_TOO_LITTLE: Mapping[str, Text] = {
    "memory_mb": Text(
        en="The plan needs {needed} MB of memory; at most {free} MB are free on one host.",
        fr="Le plan demande {needed} Mo de mémoire; un hôte en a au plus {free} de libres.",
    ),
    "disk_mb": Text(
        en="The plan needs {needed} MB of disk; at most {free} MB are free on one host.",
        fr="Le plan demande {needed} Mo de disque; un hôte en a au plus {free} de libres.",
    ),
    "cpu_percent": Text(
        en="The plan needs {needed} % of a core; at most {free} % are free on one host.",
        fr="Le plan demande {needed} % d’un cœur; un hôte en a au plus {free} % de libres.",
    ),
}
_CODES: Mapping[str, str] = {"memory_mb": "no-memory", "disk_mb": "no-disk", "cpu_percent": "no-processor"}
_NOT_TOGETHER = Text(
    en="Memory, disk and processor time are free, but not enough of all of them on one host.",
    fr="Mémoire, disque et processeur sont disponibles, mais pas en quantité suffisante sur un même hôte.",
)


class _Nothing(msgspec.Struct, frozen=True):
    """A size that fits wherever an instance may stand at all."""

    memory_mb: int = 0
    disk_mb: int = 0
    cpu_percent: int = 0


async def used_by_host(session: AsyncSession) -> dict[UUID, Used]:
    """Sum up what the instances of all members take, by host id; whose they are is not told."""
    rows = await session.execute(_USAGE)
    return {row.host_id: Used(int(row.memory_mb), int(row.disk_mb), int(row.cpu_percent)) for row in rows}


async def find_room(  # noqa: PLR0913 - what decides about a place, by name
    session: AsyncSession,
    *,
    manifest: Manifest,
    plan: Plan,
    member_id: UUID,
    province: str,
    site_id: UUID | None = None,
) -> Proposal:
    """Find the best place for an instance, at any site or at `site_id` alone. A proposal holds nothing.

    Raises `NoRoom`, or `SiteFull` where one site was named, with what lacks.
    """
    today, used = now().date(), await used_by_host(session)
    proposal = await propose(
        session,
        plan=plan,
        member_id=member_id,
        province=province,
        runs_code=manifest.runs_code,
        today=today,
        used=used,
        site_id=site_id,
    )
    if proposal is not None:
        return proposal
    wish = Wish(size=plan, member_id=member_id, province=province, runs_code=manifest.runs_code, today=today)
    lacks = what_lacks(await _places(session, site_id), used, wish)
    raise NoRoom(fields=lacks) if site_id is None else SiteFull(fields=lacks)


async def _places(session: AsyncSession, site_id: UUID | None) -> Places:
    statement = sa.select(Host, Site).join(Site, Site.id == Host.site_id)
    if site_id is not None:
        statement = statement.where(Site.id == site_id)
    return [(row[0], row[1]) for row in await session.execute(statement)]


def what_lacks(places: Places, used: Mapping[UUID, Used], wish: Wish) -> tuple[FieldError, ...]:
    """Say why none of `places` takes what is wished for."""
    anything = Wish(_Nothing(), wish.member_id, wish.province, wish.runs_code, wish.today)
    open_hosts = [host for host, site in places if fits(host, site, used.get(host.id, Used()), anything)]
    if not open_hosts:
        if wish.runs_code:
            return (FieldError("/tool", "no-host-alone", _NO_EMPTY_HOST),)
        return (FieldError("/tool", "no-host", _NO_HOST),)
    return tuple(_too_little(open_hosts, used, wish)) or (FieldError("/plan", "no-host-with-all", _NOT_TOGETHER),)


def _too_little(hosts: Sequence[Host], used: Mapping[UUID, Used], wish: Wish) -> Iterator[FieldError]:
    for resource, text in _TOO_LITTLE.items():
        needed = getattr(wish.size, resource)
        free = max(getattr(host, resource) - getattr(used.get(host.id, Used()), resource) for host in hosts)
        if free < needed:
            yield FieldError("/plan", _CODES[resource], text.filled(needed=needed, free=max(free, 0)))
