"""Reading instances. Row-level security leaves out those of other members."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.lifecycle import State
from catalog.instances.tables import EndNotice, Instance, Removal
from catalog.members.tables import Member
from catalog.platform.db.base import Identified
from catalog.platform.errors import NotFound
from catalog.platform.http.pages import PageRequest, paginate
from catalog.sites.tables import Host, Site
from catalog.tools.tables import ToolRevision

Row = TypeVar("Row", bound=Identified)


class InstanceFilter(msgspec.Struct, frozen=True):
    """Which instances are asked for; what is left out does not narrow the list. `name_part`: within the hostname."""

    state: State | None = None
    tool: str | None = None
    member: str | None = None
    reference: str | None = None
    labels: Mapping[str, str] = {}
    name_part: str | None = None


class InstanceView(msgspec.Struct, frozen=True):
    """An instance with what is told beside it."""

    instance: Instance
    member: Member
    site: Site
    desired: ToolRevision
    applied: ToolRevision | None
    removal: Removal | None
    noticed: frozenset[int]


async def instance_by_id(session: AsyncSession, instance_id: UUID) -> Instance:
    """Give an instance. Raises `NotFound`, for another member's too."""
    found = await session.get(Instance, instance_id)
    if found is None:
        raise NotFound
    return found


async def list_instances(
    session: AsyncSession, wanted: InstanceFilter, page: PageRequest
) -> tuple[list[InstanceView], str | None]:
    """Give one page of instances, newest first, and the next page's `after` where there is one."""
    found, following = await paginate(session, _statement(wanted), Instance.id, page)
    return await views(session, found), following


async def views(session: AsyncSession, instances: Sequence[Instance]) -> list[InstanceView]:
    """Read what is told beside `instances`, in one query a kind."""
    members = await rows_by_id(session, Member, (instance.member_id for instance in instances))
    revisions = await rows_by_id(
        session,
        ToolRevision,
        (
            revision_id
            for instance in instances
            for revision_id in (instance.desired_revision_id, instance.applied_revision_id)
        ),
    )
    ids = [instance.id for instance in instances]
    removals = await _standing_removals(session, ids)
    noticed = await _noticed(session, ids)
    sites = await _sites_by_host(session, {instance.host_id for instance in instances})
    return [
        InstanceView(
            instance=instance,
            member=members[instance.member_id],
            site=sites[instance.host_id],
            desired=revisions[instance.desired_revision_id],
            applied=None if instance.applied_revision_id is None else revisions[instance.applied_revision_id],
            removal=removals.get(instance.id),
            noticed=noticed.get((instance.id, instance.ends_on), frozenset()),
        )
        for instance in instances
    ]


async def rows_by_id(session: AsyncSession, table: type[Row], ids: Iterable[UUID | None]) -> dict[UUID, Row]:
    """Read the rows of these ids that may be seen; `None` among them is passed over."""
    wanted = {row_id for row_id in ids if row_id is not None}
    if not wanted:
        return {}
    return {row.id: row for row in await session.scalars(sa.select(table).where(table.id.in_(wanted)))}


async def _standing_removals(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Removal]:
    rows = await session.scalars(
        sa.select(Removal).where(Removal.instance_id.in_(ids), Removal.taken_back_at.is_(None))
    )
    return {row.instance_id: row for row in rows}


async def _noticed(session: AsyncSession, ids: Sequence[UUID]) -> dict[tuple[UUID, dt.date | None], frozenset[int]]:
    """Give the days of the notices that were given, by instance and last day."""
    rows = await session.scalars(sa.select(EndNotice).where(EndNotice.instance_id.in_(ids)))
    found: defaultdict[tuple[UUID, dt.date | None], frozenset[int]] = defaultdict(frozenset)
    for row in rows:
        found[row.instance_id, row.ends_on] |= {row.days}
    return found


async def _sites_by_host(session: AsyncSession, host_ids: set[UUID]) -> dict[UUID, Site]:
    rows = await session.execute(
        sa.select(Host.id, Site).join(Site, Site.id == Host.site_id).where(Host.id.in_(host_ids))
    )
    return {row[0]: row[1] for row in rows}


def _statement(wanted: InstanceFilter) -> sa.Select[Instance]:
    statement = sa.select(Instance)
    for column, value in (
        (Instance.state, wanted.state),
        (Instance.tool_slug, wanted.tool),
        (Instance.reference, wanted.reference),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.member is not None:
        statement = statement.where(Instance.member_id.in_(sa.select(Member.id).where(Member.alias == wanted.member)))
    if wanted.labels:
        statement = statement.where(Instance.labels.contains(dict(wanted.labels)))
    if wanted.name_part is not None:
        statement = statement.where(Instance.hostname.icontains(wanted.name_part, autoescape=True))
    return statement
