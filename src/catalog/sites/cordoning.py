"""Cordons: a host keeps the instances that it has, and takes no more."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform import audit
from catalog.platform.clock import now
from catalog.platform.errors import NotFound
from catalog.sites.errors import HostRetired
from catalog.sites.tables import Host


async def host_by_name(session: AsyncSession, name: str) -> Host:
    """Give a host. Raises `NotFound`."""
    found = await session.scalar(sa.select(Host).where(Host.name == name))
    if found is None:
        raise NotFound
    return found


async def usable_host(session: AsyncSession, name: str) -> Host:
    """Give a host that is not retired, locked as reservations lock it. Raises `NotFound`, `HostRetired`."""
    found = await session.scalar(
        sa.select(Host)
        .where(Host.name == name)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound
    if found.state == "retired":
        raise HostRetired(name=name)
    return found


async def cordon(session: AsyncSession, name: str, *, reason: str, actor: str) -> tuple[Host, bool]:
    """Have a host take no more instances; give it, and whether anything changed.

    Another reason replaces the one that stands. Raises `NotFound`, `HostRetired`.
    """
    host = await usable_host(session, name)
    if (host.state, host.cordon_reason) == ("cordoned", reason):
        return host, False
    host.state, host.cordon_reason = "cordoned", reason
    host.cordoned_by, host.cordoned_at = actor, now()
    await session.flush()
    audit.record(
        session,
        actor=actor,
        action="host.cordoned",
        subject=("host", host.id),
        details={"name": name, "reason": reason},
    )
    return host, True


async def uncordon(session: AsyncSession, name: str, *, actor: str) -> tuple[Host, bool]:
    """Have a host take instances again; give it, and whether anything changed. Raises `NotFound`, `HostRetired`."""
    host = await usable_host(session, name)
    if host.state == "active":
        return host, False
    host.state = "active"
    host.cordon_reason = host.cordoned_by = host.cordoned_at = None
    await session.flush()
    audit.record(session, actor=actor, action="host.uncordoned", subject=("host", host.id), details={"name": name})
    return host, True
