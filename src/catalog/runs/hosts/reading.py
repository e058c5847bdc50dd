"""Reading hosts with what was done on them. Needs an operator's scope, or what it counts is not all there is."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.room import used_by_host
from catalog.instances.service import rows_by_id
from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.http.pages import PageRequest, paginate
from catalog.runs.hosts.schemas import HostView
from catalog.runs.tables import ACTIVE_STATES, Run
from catalog.sites.placement import Used
from catalog.sites.tables import Host, Site


async def list_hosts(session: AsyncSession, page: PageRequest) -> tuple[list[HostView], str | None]:
    """Give one page of hosts, newest first, and the next page's `after` where there is one."""
    found, following = await paginate(session, sa.select(Host), Host.id, page)
    return await views(session, found), following


async def views(session: AsyncSession, hosts: Sequence[Host]) -> list[HostView]:
    """Read what is told beside `hosts`, in one query a kind."""
    ids = [host.id for host in hosts]
    sites = await rows_by_id(session, Site, (host.site_id for host in hosts))
    members = await rows_by_id(session, Member, (host.dedicated_member_id for host in hosts))
    used = await used_by_host(session)
    instances = await _instances(session, ids)
    last = await _last_that_succeeded(session, ids)
    active = {run.subject_id: run for run in await _active(session, ids)}
    verifies = await _followers(session, [run.id for (_, action), run in last.items() if action == "patch"])
    made = []
    for host in hosts:
        patch = last.get((host.id, "patch"))
        made.append(
            HostView(
                host=host,
                site=sites[host.site_id],
                dedicated_to=None if host.dedicated_member_id is None else members[host.dedicated_member_id],
                used=used.get(host.id, Used()),
                instances=instances.get(host.id, 0),
                prepare=last.get((host.id, "prepare")),
                patch=patch,
                active=active.get(host.id),
                verifies={} if patch is None else verifies.get(patch.id, {}),
            )
        )
    return made


async def _instances(session: AsyncSession, host_ids: Sequence[UUID]) -> dict[UUID, int]:
    rows = await session.execute(
        sa.select(Instance.host_id, sa.func.count())
        .where(Instance.host_id.in_(host_ids), Instance.state != "removed")
        .group_by(Instance.host_id)
    )
    return {row[0]: row[1] for row in rows}


async def _last_that_succeeded(session: AsyncSession, host_ids: Sequence[UUID]) -> dict[tuple[UUID, str], Run]:
    found = await session.scalars(
        _of_hosts(host_ids)
        .where(Run.state == "succeeded")
        .ext(distinct_on(Run.subject_id, Run.action))
        .order_by(Run.subject_id, Run.action, Run.id.desc())
    )
    return {(run.subject_id, run.action): run for run in found}


async def _active(session: AsyncSession, host_ids: Sequence[UUID]) -> Sequence[Run]:
    return (await session.scalars(_of_hosts(host_ids).where(Run.state.in_(ACTIVE_STATES)))).all()


def _of_hosts(host_ids: Sequence[UUID]) -> sa.Select[Any]:
    return sa.select(Run).where(Run.subject_kind == "host", Run.subject_id.in_(host_ids))


async def _followers(session: AsyncSession, run_ids: Sequence[UUID]) -> Mapping[UUID | None, dict[str, int]]:
    """Count the runs that were started after each of these, by their state."""
    rows = await session.execute(
        sa.select(Run.cause_id, Run.state, sa.func.count())
        .where(Run.cause_id.in_(run_ids))
        .group_by(Run.cause_id, Run.state)
    )
    counts: defaultdict[UUID | None, dict[str, int]] = defaultdict(dict)
    for cause_id, state, count in rows:
        counts[cause_id][state] = count
    return counts
