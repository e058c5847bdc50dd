"""Starting runs on hosts."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.runs.definitions import host_steps_for
from catalog.runs.hosts.errors import HostNotPrepared
from catalog.runs.hosts.publishing import current
from catalog.runs.service import PERSON, Place, site_of, start_run
from catalog.runs.tables import Run
from catalog.sites.cordoning import usable_host
from catalog.sites.tables import Host

HostAction = Literal["prepare", "patch"]
Updates = Literal["security", "stable"]
Restart = Literal["if-needed", "never"]


class PatchOptions(msgspec.Struct, frozen=True):
    """How a host is patched.

    `updates`: those of the distribution's security archive, or (`stable`) those of its point releases too. `restart`:
    whether the host is restarted where its updates need that.
    """

    updates: Updates = "security"
    restart: Restart = "if-needed"


async def start_prepare(session: AsyncSession, name: str, *, requested_by: str, priority: int = PERSON) -> Run:
    """Start the run that makes a host one of ours. The same again changes nothing on it.

    Raises `NotFound`, `HostRetired`, `HostsNotPublished`, `SubjectBusy`.
    """
    host = await usable_host(session, name)
    return await _start(session, host, "prepare", {}, requested_by=requested_by, priority=priority)


async def start_patch(
    session: AsyncSession, name: str, options: PatchOptions, *, requested_by: str, priority: int = PERSON
) -> Run:
    """Start the run that brings updates to a host; it is followed by a verify of everything that runs there.

    Raises `NotFound`, `HostRetired`, `HostNotPrepared`, `HostsNotPublished`, `SubjectBusy`.
    """
    host = await usable_host(session, name)
    if not await _is_prepared(session, host):
        raise HostNotPrepared(name=name)
    asked = msgspec.to_builtins(options)
    return await _start(session, host, "patch", asked, requested_by=requested_by, priority=priority)


async def _is_prepared(session: AsyncSession, host: Host) -> bool:
    prepared = sa.exists(
        sa.select(Run.id).where(Run.subject_id == host.id, Run.action == "prepare", Run.state == "succeeded")
    )
    return bool(await session.scalar(sa.select(prepared)))


async def _start(  # noqa: PLR0913 - the parts of one run
    session: AsyncSession,
    host: Host,
    action: HostAction,
    asked: Mapping[str, Any],
    *,
    requested_by: str,
    priority: int,
) -> Run:
    revision = await current(session)
    site = await site_of(session, host.id)
    return await start_run(
        session,
        subject_kind="host",
        subject_id=host.id,
        member_id=None,
        action=action,
        input={"revision_id": str(revision.id), **asked},
        requested_by=requested_by,
        steps=host_steps_for(action, site.slug),
        place=Place(site.id, host.id),
        priority=priority,
    )
