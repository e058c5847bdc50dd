"""Lists in pages, newest first, by the id where the last page ended: stable while rows are added."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa
from litestar.params import QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from catalog.platform.db.scope import Scope, scope_of

T = TypeVar("T")
MAXIMUM = 100
DEFAULT = 50


class PageRequest(msgspec.Struct, frozen=True):
    """Which page: at most `limit` things that are older than `after`."""

    limit: int = DEFAULT
    after: UUID | None = None


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page. `next` is the `after` of the following page; null on the last."""

    items: list[T]
    next: str | None


def page_request(
    limit: Annotated[
        int, QueryParameter(ge=1, le=MAXIMUM, description="How many entries a page has, at most.")
    ] = DEFAULT,
    after: Annotated[UUID | None, QueryParameter(description="The `next` of the page before.")] = None,
) -> PageRequest:
    """Read the page's query parameters (a dependency)."""
    return PageRequest(limit=limit, after=after)


async def paginate(
    session: AsyncSession,
    statement: sa.Select[T],
    id_column: InstrumentedAttribute[UUID],
    page: PageRequest,
    *,
    of_members: bool = True,
) -> tuple[Sequence[T], str | None]:
    """Run `statement` for one page; give its rows, and the next page's `after` where there is one.

    `of_members`: rows with a `member_id` are seen by that member's people and by operators, those without by operators.
    """
    if of_members:
        statement = _narrowed(statement, id_column, scope_of(session))
    if page.after is not None:
        statement = statement.where(id_column < page.after)
    rows = (await session.scalars(statement.order_by(id_column.desc()).limit(page.limit + 1))).all()
    if len(rows) <= page.limit:
        return rows, None
    kept = rows[: page.limit]
    last: Any = kept[-1]
    return kept, str(getattr(last, id_column.key))


def _narrowed(statement: sa.Select[T], id_column: InstrumentedAttribute[UUID], scope: Scope) -> sa.Select[T]:
    """Say which members' rows may be seen, which row-level security knows: but only this can be looked up by an index.

    Somebody of a small member would else have every row of all others looked at.
    """
    member_id = getattr(id_column.class_, "member_id", None)
    if scope.operator or member_id is None:
        return statement
    return statement.where(member_id.in_(scope.members))
