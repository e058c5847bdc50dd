"""The holds' addresses."""

import datetime as dt
from typing import Annotated
from uuid import UUID

import msgspec
import sqlalchemy as sa
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.platform.http.pages import Page, PageRequest, paginate
from catalog.platform.http.refusals import refusals
from catalog.runs import holds
from catalog.runs.tables import Hold

_PLACED = refusals(400, 403, 409, 413, 415)

AlsoLifted = Annotated[bool, QueryParameter(name="lifted", description="Also those that were lifted.")]


class HoldIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is held, and why."""

    scope: Annotated[holds.Scope, Meta(examples=["site"])]
    reason: Annotated[
        str, Meta(min_length=1, max_length=holds.MOST_REASON, description="Read by those whose work waits.")
    ]
    target: (
        Annotated[
            str,
            Meta(
                max_length=253,
                description="A site’s or tool’s slug, a host’s name, an instance’s hostname or id; none for `all`.",
                examples=["vancouver"],
            ),
        ]
        | None
    ) = None


class HoldOut(msgspec.Struct, frozen=True):
    """No new runs begin under it from `placed_at` to `lifted_at`. `target` is null for everything.

    `placed_by` and `lifted_by`: `person:<id>`, or `command:<login>` for somebody at the server's shell.
    """

    id: UUID
    scope: str
    target: str | None
    reason: str
    placed_by: str
    placed_at: dt.datetime
    lifted_by: str | None
    lifted_at: dt.datetime | None


class HoldsController(Controller):
    """Where no new runs begin. Those that go on go on; the others wait, and say what for (`waits_for`)."""

    path = "/v1/holds"
    tags = ("Holds",)

    @get(summary="List the holds", responses=refusals(400, 403))
    async def holds(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        page: NamedDependency[PageRequest],
        lifted: AlsoLifted = False,  # noqa: FBT002 - a query parameter
    ) -> Page[HoldOut]:
        """List the holds that stand, newest first. For operators."""
        principal.require("operator")
        statement = sa.select(Hold) if lifted else sa.select(Hold).where(Hold.lifted_at.is_(None))
        found, following = await paginate(uow, statement, Hold.id, page)
        return Page(items=[_out(one) for one in await holds.named(uow, list(found))], next=following)

    @post(summary="Hold new runs", responses=_PLACED)
    async def place(
        self, data: JSONBody[HoldIn], principal: NamedDependency[Principal], uow: NamedDependency[AsyncSession]
    ) -> HoldOut:
        """Let no new run begin: at all, at a site, on a host, of a tool, or on an instance. For operators.

        What has begun goes on to its end; cancel it where it must stop too.
        """
        principal.require("operator")
        return _out(await holds.place(uow, data.scope, data.target, reason=data.reason, actor=principal.actor))

    @delete("/{hold_id:uuid}", summary="Lift a hold", status_code=200, responses=refusals(403, 404, 409))
    async def lift(
        self, principal: NamedDependency[Principal], uow: NamedDependency[AsyncSession], hold_id: FromPath[UUID]
    ) -> HoldOut:
        """Lift a hold: what waited for it begins within seconds, the highest priority first. For operators."""
        principal.require("operator")
        return _out(await holds.lift(uow, hold_id, actor=principal.actor))


def _out(placed: holds.Placed) -> HoldOut:
    hold = placed.hold
    return HoldOut(
        id=hold.id,
        scope=hold.scope,
        target=placed.name or None,
        reason=hold.reason,
        placed_by=hold.placed_by,
        placed_at=hold.created_at,
        lifted_by=hold.lifted_by,
        lifted_at=hold.lifted_at,
    )
