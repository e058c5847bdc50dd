"""Reading schedules. Row-level security leaves out those of other members."""

from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.service import rows_by_id, views
from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.http.pages import PageRequest, paginate
from catalog.schedules.planning import Task
from catalog.schedules.schemas import ScheduleLinks, ScheduleOut
from catalog.schedules.tables import Schedule


class ScheduleFilter(msgspec.Struct, frozen=True):
    """Which schedules are asked for; what is left out does not narrow the list. `blocked`: only those that wait."""

    instance: UUID | None = None
    task: Task | None = None
    tool: str | None = None
    member: str | None = None
    blocked: bool | None = None


async def list_schedules(
    session: AsyncSession, wanted: ScheduleFilter, page: PageRequest
) -> tuple[list[ScheduleOut], str | None]:
    """Give one page of schedules, and the next page's `after` where there is one."""
    found, following = await paginate(session, _statement(wanted), Schedule.id, page)
    instances = await rows_by_id(session, Instance, (row.instance_id for row in found))
    seen = {view.instance.id: view for view in await views(session, list(instances.values()))}
    items = []
    for row in found:
        view = seen[row.instance_id]
        items.append(
            ScheduleOut(
                id=row.id,
                instance=row.instance_id,
                hostname=view.instance.hostname,
                member=view.member.alias,
                tool=view.instance.tool_slug,
                task=msgspec.convert(row.task, Task),
                due_at=row.due_at,
                next_at=row.next_at,
                time_zone=view.site.zone.key,
                blocked=row.blocked,
                last_started_at=row.last_started_at,
                links=ScheduleLinks(
                    instance=f"/v1/instances/{row.instance_id}",
                    last_run=None if row.last_run_id is None else f"/v1/runs/{row.last_run_id}",
                ),
            )
        )
    return items, following


def _statement(wanted: ScheduleFilter) -> sa.Select[Schedule]:
    statement = sa.select(Schedule)
    if wanted.instance is not None:
        statement = statement.where(Schedule.instance_id == wanted.instance)
    if wanted.task is not None:
        statement = statement.where(Schedule.task == wanted.task)
    if wanted.tool is not None:
        of_tool = sa.select(Instance.id).where(Instance.tool_slug == wanted.tool)
        statement = statement.where(Schedule.instance_id.in_(of_tool))
    if wanted.member is not None:
        member = sa.select(Member.id).where(Member.alias == wanted.member)
        statement = statement.where(Schedule.member_id.in_(member))
    if wanted.blocked is not None:
        statement = statement.where(Schedule.blocked.is_not(None) if wanted.blocked else Schedule.blocked.is_(None))
    return statement
