"""The schedules' address."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.http.filters import MemberFilter, ToolFilter
from catalog.platform.http.pages import Page, PageRequest
from catalog.platform.http.refusals import refusals
from catalog.schedules import reading
from catalog.schedules.planning import Task
from catalog.schedules.schemas import ScheduleOut

_LIST = """
List what is done by itself to the instances of the members where the person holds a role, and when; operators see all.

| task | what happens, and when |
|---|---|
| `verify` | every running instance is looked at once a day, at a time that its id decides |
| `backup` | where its plan has a backup hour: within that hour by the clocks of its site |
| `notice` | people are told that the last day comes near: 60 and 14 days before |
| `suspend` | when the last day is over; never deleted |
| `deprovision` | an instance that was removed is purged when the grace time is over |

What was missed is made up for once. What is blocked is tried again within minutes.
""".strip()

InstanceFilter = Annotated[
    UUID | None, QueryParameter(name="instance", description="Only of the instance with this id.")
]
TaskFilter = Annotated[Task | None, QueryParameter(name="task", description="Only of this kind.")]
Blocked = Annotated[
    bool | None, QueryParameter(name="blocked", description="Only those that something stands in the way of, or not.")
]


class SchedulesController(Controller):
    """What is done by itself when its time comes."""

    path = "/v1/schedules"
    tags = ("Schedules",)

    @get(summary="List what is due", description=_LIST, responses=refusals(400))
    async def schedules(  # noqa: PLR0913 - each filter is a query parameter
        self,
        *,
        uow: NamedDependency[AsyncSession],
        page: NamedDependency[PageRequest],
        instance: InstanceFilter = None,
        task: TaskFilter = None,
        tool: ToolFilter = None,
        member: MemberFilter = None,
        blocked: Blocked = None,
    ) -> Page[ScheduleOut]:
        """List what is due."""
        wanted = reading.ScheduleFilter(instance=instance, task=task, tool=tool, member=member, blocked=blocked)
        items, following = await reading.list_schedules(uow, wanted, page)
        return Page(items=items, next=following)
