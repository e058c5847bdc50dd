"""A place for an instance: its host, its share of it, its name and its ports, taken together or not at all."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.errors import HostnameTaken, SiteFull
from catalog.instances.room import find_room
from catalog.instances.tables import Hostname, Instance, Placement, Port
from catalog.platform.clock import now
from catalog.sites.tables import Host
from catalog.tools.manifest import Manifest, Plan

FIRST_PORT, LAST_PORT = 20_000, 29_999

_TAKEN = sa.text("SELECT catalog_hostname_taken(:hostname)")


class Reservation(msgspec.Struct, frozen=True):
    """What is to be reserved: the instance as it was asked for and decided, at a site, with its tool's manifest."""

    instance_id: UUID
    member_id: UUID
    province: str
    site_id: UUID
    revision_id: UUID
    manifest: Manifest
    plan: Plan
    parameters: dict[str, Any]
    hostname: str
    purpose: str
    owner_name: str
    owner_email: str
    language: str
    ends_on: dt.date | None
    reference: str | None
    labels: dict[str, str]


async def is_taken(session: AsyncSession, hostname: str) -> bool:
    """Tell whether a name is held by any member's instance, or rests."""
    return bool(await session.scalar(_TAKEN, {"hostname": hostname}))


async def reserve(session: AsyncSession, wanted: Reservation) -> Instance:
    """Write the instance down with all that it holds; it stands from the commit on. Needs an operator's scope.

    Reservations at one site wait for each other, so that no room is given away twice. Raises `SiteFull` where the site
    has no room any more, `HostnameTaken`.
    """
    await _lock_site(session, wanted.site_id)
    proposal = await find_room(
        session,
        manifest=wanted.manifest,
        plan=wanted.plan,
        member_id=wanted.member_id,
        province=wanted.province,
        site_id=wanted.site_id,
    )
    if proposal.dedicates:
        proposal.host.dedicated_member_id = wanted.member_id
    ports = await _free_ports(session, proposal.host.id, wanted.manifest.ports)
    instance = _instance(wanted, proposal.host.id)
    session.add(instance)
    await session.flush()
    await _hold_name(session, wanted)
    session.add(_placement(wanted, proposal.host.id))
    session.add_all(
        Port(
            host_id=proposal.host.id,
            number=number,
            member_id=wanted.member_id,
            instance_id=wanted.instance_id,
            name=name,
        )
        for name, number in ports.items()
    )
    await session.flush()
    return instance


async def hold_ports(session: AsyncSession, instance: Instance, names: Sequence[str]) -> None:
    """Give the instance a number for each of `names` that it has none for yet; those that it has stay its own.

    Raises `SiteFull` where its host has no more.
    """
    held = set(await session.scalars(sa.select(Port.name).where(Port.instance_id == instance.id)))
    lacking = [name for name in names if name not in held]
    if not lacking:
        return
    await session.execute(sa.select(Host.id).where(Host.id == instance.host_id).with_for_update(key_share=True))
    ports = await _free_ports(session, instance.host_id, lacking)
    session.add_all(
        Port(
            host_id=instance.host_id,
            number=number,
            member_id=instance.member_id,
            instance_id=instance.id,
            name=name,
        )
        for name, number in ports.items()
    )
    await session.flush()


async def _lock_site(session: AsyncSession, site_id: UUID) -> None:
    """Lock the site's hosts, always in the same order, and read them as they are now."""
    await session.execute(
        sa.select(Host)
        .where(Host.site_id == site_id)
        .order_by(Host.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def _instance(wanted: Reservation, host_id: UUID) -> Instance:
    return Instance(
        id=wanted.instance_id,
        member_id=wanted.member_id,
        tool_slug=wanted.manifest.slug,
        hostname=wanted.hostname,
        state="provisioning",
        host_id=host_id,
        plan=wanted.plan.slug,
        purpose=wanted.purpose,
        owner_name=wanted.owner_name,
        owner_email=wanted.owner_email,
        language=wanted.language,
        ends_on=wanted.ends_on,
        reference=wanted.reference,
        labels=wanted.labels,
        desired_revision_id=wanted.revision_id,
        desired_parameters=wanted.parameters,
    )


def _placement(wanted: Reservation, host_id: UUID) -> Placement:
    return Placement(
        instance_id=wanted.instance_id,
        member_id=wanted.member_id,
        host_id=host_id,
        memory_mb=wanted.plan.memory_mb,
        disk_mb=wanted.plan.disk_mb,
        cpu_percent=wanted.plan.cpu_percent,
    )


async def _hold_name(session: AsyncSession, wanted: Reservation) -> None:
    """Take the name, from its rest where that has ended. Whoever takes it at the same moment is waited for."""
    await session.execute(
        sa.delete(Hostname).where(Hostname.hostname == wanted.hostname, Hostname.rests_until <= now())
    )
    held = await session.scalar(
        insert(Hostname)
        .values(hostname=wanted.hostname, member_id=wanted.member_id, instance_id=wanted.instance_id)
        .on_conflict_do_nothing(index_elements=[Hostname.hostname])
        .returning(Hostname.hostname)
    )
    if held is None:
        raise HostnameTaken(hostname=wanted.hostname)


async def _free_ports(session: AsyncSession, host_id: UUID, names: Sequence[str]) -> Mapping[str, int]:
    """Choose the lowest numbers that are free on the host, whose row is locked."""
    taken = set(await session.scalars(sa.select(Port.number).where(Port.host_id == host_id)))
    free = lowest_free(taken, len(names))
    if len(free) < len(names):
        raise SiteFull
    return dict(zip(names, free, strict=True))


def lowest_free(taken: Iterable[int], count: int) -> list[int]:
    """Give the `count` lowest port numbers that are not `taken`; fewer where there are no more."""
    used = set(taken)
    free = (number for number in range(FIRST_PORT, LAST_PORT + 1) if number not in used)
    return [number for number, _ in zip(free, range(count), strict=False)]
