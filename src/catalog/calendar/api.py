"""The addresses of maintenance windows and freezes."""

from collections.abc import Sequence
from typing import Annotated, TypeVar
from uuid import UUID

import sqlalchemy as sa
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar import keeping
from catalog.calendar.schemas import FreezeIn, FreezeOut, WindowIn, WindowOut, freeze_out, window_out
from catalog.calendar.tables import Freeze, MaintenanceWindow
from catalog.identity.principals import Principal
from catalog.instances.targets import names_of
from catalog.platform.http.pages import Page, PageRequest, paginate
from catalog.platform.http.refusals import refusals

NO_CONTENT = 204
_MADE = refusals(400, 403, 409, 413, 415)
_GONE = refusals(403, 404)

AlsoOver = Annotated[bool, QueryParameter(name="over", description="Also those that are over.")]
Row = TypeVar("Row", Freeze, MaintenanceWindow)


class WindowsController(Controller):
    """When what is scheduled may change things."""

    path = "/v1/windows"
    tags = ("Windows and freezes",)

    @get(summary="List the maintenance windows", responses=refusals(400))
    async def windows(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        page: NamedDependency[PageRequest],
    ) -> Page[WindowOut]:
        """List the windows, newest first: all for operators, for others those that touch their members' instances.

        Times are those of the clocks at the instance's site. Where no window touches an instance, any time is one.
        """
        statement = _seen(sa.select(MaintenanceWindow), MaintenanceWindow, principal)
        found, following = await paginate(uow, statement, MaintenanceWindow.id, page)
        named = await _named(uow, found, principal)
        return Page(items=[window_out(row, name) for row, name in named], next=following)

    @post(summary="Add a maintenance window", responses=_MADE)
    async def add(
        self, data: JSONBody[WindowIn], principal: NamedDependency[Principal], uow: NamedDependency[AsyncSession]
    ) -> WindowOut:
        """Let what is scheduled change things at this time of each week. For operators.

        As soon as one window touches an instance, what is scheduled for it (everything but verifying and backups) waits
        for an open one. Several add up.
        """
        principal.require("operator")
        made, name = await keeping.add_window(uow, data.scope, data.target, data.weekly(), actor=principal.actor)
        return window_out(made, name)

    @delete("/{window_id:uuid}", summary="Take a maintenance window away", status_code=NO_CONTENT, responses=_GONE)
    async def remove(
        self, principal: NamedDependency[Principal], uow: NamedDependency[AsyncSession], window_id: FromPath[UUID]
    ) -> None:
        """Take a window away. For operators."""
        principal.require("operator")
        await keeping.remove(uow, MaintenanceWindow, window_id, actor=principal.actor)


class FreezesController(Controller):
    """When nothing may change."""

    path = "/v1/freezes"
    tags = ("Windows and freezes",)

    @get(summary="List the freezes", responses=refusals(400))
    async def freezes(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        page: NamedDependency[PageRequest],
        over: AlsoOver = False,  # noqa: FBT002 - a query parameter
    ) -> Page[FreezeOut]:
        """List the freezes that stand or will, newest first.

        Operators see all, others those that touch their members' instances.
        """
        statement = _seen(sa.select(Freeze), Freeze, principal)
        if not over:
            statement = statement.where(Freeze.ends_at > sa.func.clock_timestamp())
        found, following = await paginate(uow, statement, Freeze.id, page, of_members=False)
        named = await _named(uow, found, principal)
        return Page(items=[freeze_out(row, name) for row, name in named], next=following)

    @post(summary="Add a freeze", responses=_MADE)
    async def add(
        self, data: JSONBody[FreezeIn], principal: NamedDependency[Principal], uow: NamedDependency[AsyncSession]
    ) -> FreezeOut:
        """Let nothing change from one moment to another. For operators.

        Verifying, backups and taking a suspension back go on, and so does what has begun. Everything else that is
        scheduled waits, and what people start is refused (`changes-frozen`) unless an operator overrules it.
        """
        principal.require("operator")
        made, name = await keeping.add_freeze(
            uow,
            data.scope,
            data.target,
            starts_at=data.starts_at,
            ends_at=data.ends_at,
            reason=data.reason,
            actor=principal.actor,
        )
        return freeze_out(made, name)

    @delete("/{freeze_id:uuid}", summary="Take a freeze away", status_code=NO_CONTENT, responses=_GONE)
    async def remove(
        self, principal: NamedDependency[Principal], uow: NamedDependency[AsyncSession], freeze_id: FromPath[UUID]
    ) -> None:
        """Take a freeze away: what waited for its end goes on. For operators."""
        principal.require("operator")
        await keeping.remove(uow, Freeze, freeze_id, actor=principal.actor)


def _seen(statement: sa.Select[Row], table: type[Row], principal: Principal) -> sa.Select[Row]:
    return statement if principal.is_operator else statement.where(keeping.in_sight(table))


async def _named(session: AsyncSession, rows: Sequence[Row], principal: Principal) -> list[tuple[Row, str | None]]:
    """Give rows with the names of what they are on; those of hosts are for operators."""
    names = await names_of(session, {(row.scope, row.target) for row in rows})
    return [
        (row, None if row.scope == "host" and not principal.is_operator else names.get((row.scope, row.target)))
        for row in rows
    ]
