"""Reading the catalog."""

from collections.abc import Collection, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.errors import NotFound
from catalog.tools.tables import Tool, ToolRevision


async def current_revision(session: AsyncSession, slug: str) -> ToolRevision | None:
    """Give the revision that a new instance gets; none where there is no such tool, or its last one was withdrawn."""
    return await session.scalar(
        sa.select(ToolRevision).where(ToolRevision.tool_slug == slug, ToolRevision.state == "current")
    )


async def tool(session: AsyncSession, slug: str) -> Tool:
    """Give a tool. Raises `NotFound`."""
    found = await session.get(Tool, slug)
    if found is None:
        raise NotFound
    return found


async def revision(session: AsyncSession, slug: str, number: int) -> ToolRevision:
    """Give one revision of a tool, whatever its state. Raises `NotFound`."""
    found = await session.scalar(
        sa.select(ToolRevision).where(ToolRevision.tool_slug == slug, ToolRevision.number == number)
    )
    if found is None:
        raise NotFound
    return found


async def bring_revisions(session: AsyncSession, revision_ids: Collection[UUID]) -> None:
    """Read these revisions in one query and keep them with the session, so that to get one of them costs nothing."""
    found = await session.scalars(sa.select(ToolRevision).where(ToolRevision.id.in_(revision_ids)))
    session.info.setdefault("revisions", []).extend(found.all())


async def revisions(session: AsyncSession, slug: str) -> Sequence[ToolRevision]:
    """List a tool's revisions, newest first; empty where there is no such tool."""
    found = await session.scalars(
        sa.select(ToolRevision).where(ToolRevision.tool_slug == slug).order_by(ToolRevision.number.desc())
    )
    return found.all()


async def catalog(session: AsyncSession) -> Sequence[tuple[Tool, ToolRevision | None]]:
    """List every tool with its current revision, by slug."""
    current = sa.and_(ToolRevision.tool_slug == Tool.slug, ToolRevision.state == "current")
    found = await session.execute(sa.select(Tool, ToolRevision).outerjoin(ToolRevision, current).order_by(Tool.slug))
    return [(row[0], row[1]) for row in found]
