"""Publishing bundles as revisions, and withdrawing revisions. For operators only: a bundle is root on hosts."""

from importlib.metadata import version

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform import audit
from catalog.tools.bundles import Bundle
from catalog.tools.errors import RevisionWasWithdrawn, WrongSuccessor
from catalog.tools.service import current_revision, revision
from catalog.tools.tables import Generation, Tool, ToolRevision

CATALOG = "catalog"
CHANNEL = "catalog_generation"
PUBLISHING_LOCK = 720_391_455
FIRST = 1


class Published(msgspec.Struct, frozen=True):
    """What publishing came to. `changed`: another revision is current now; `listing_changed`: other texts are shown."""

    slug: str
    revision_number: int
    changed: bool
    listing_changed: bool


async def publish(session: AsyncSession, bundle: Bundle, *, published_by: str) -> Published:
    """Make `bundle` the current revision of its tool, and its texts the ones that are shown.

    The same automation again makes no new revision; automation that was superseded becomes current again. Whoever
    publishes the same tool at the same moment waits. Raises `RevisionWasWithdrawn`.
    """
    await _lock(session, bundle.slug)
    listing_changed = await _list(session, bundle)
    same = await session.scalar(
        sa.select(ToolRevision).where(ToolRevision.tool_slug == bundle.slug, ToolRevision.digest == bundle.digest)
    )
    if same is not None and same.state == "withdrawn":
        raise RevisionWasWithdrawn(slug=bundle.slug, number=same.number)
    if same is not None and same.state == "current":
        current, changed = same, False
    else:
        await _supersede(session, bundle.slug)
        current, changed = await _made_current(session, bundle, same, published_by), True
    if changed or listing_changed:
        audit.record(
            session,
            actor=published_by,
            action="tool.published",
            subject=("tool", bundle.slug),
            details={"revision": current.number, "digest": bundle.digest, "listing_digest": bundle.listing_digest},
        )
        await announce(session)
    return Published(bundle.slug, current.number, changed=changed, listing_changed=listing_changed)


async def withdraw(
    session: AsyncSession, slug: str, number: int, successor_number: int | None, *, withdrawn_by: str
) -> bool:
    """Withdraw a revision for good, naming its successor where there is one; tell whether anything changed.

    If it was the current one, its successor becomes current; without a successor the tool can't be requested until
    something is published. Raises `NotFound`, `WrongSuccessor`.
    """
    await _lock(session, slug)
    withdrawn = await revision(session, slug, number)
    successor = None if successor_number is None else await revision(session, slug, successor_number)
    if withdrawn.state == "withdrawn":
        return await _name_successor(session, withdrawn, successor, withdrawn_by)
    _check_successor(withdrawn, successor)
    was_current = withdrawn.state == "current"
    withdrawn.state = "withdrawn"
    withdrawn.successor_id = None if successor is None else successor.id
    await session.flush()
    if was_current and successor is not None:
        successor.state = "current"
        await session.flush()
    await _record_withdrawal(session, withdrawn, successor, withdrawn_by)
    return True


async def announce(session: AsyncSession) -> None:
    """Raise the catalog's generation, and wake the server processes that have read an earlier one."""
    raised = insert(Generation).values(name=CATALOG, value=FIRST)
    raised = raised.on_conflict_do_update(index_elements=[Generation.name], set_={"value": Generation.value + 1})
    await session.execute(raised)
    await session.execute(sa.select(sa.func.pg_notify(CHANNEL, CATALOG)))


async def _lock(session: AsyncSession, slug: str) -> None:
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(PUBLISHING_LOCK, sa.func.hashtext(slug))))


async def _list(session: AsyncSession, bundle: Bundle) -> bool:
    tool = await session.get(Tool, bundle.slug)
    if tool is not None and tool.listing_digest == bundle.listing_digest:
        return False
    listing = msgspec.to_builtins(bundle.listing)
    if tool is None:
        session.add(Tool(slug=bundle.slug, listing=listing, listing_digest=bundle.listing_digest))
    else:
        tool.listing, tool.listing_digest = listing, bundle.listing_digest
    await session.flush()
    return True


async def _supersede(session: AsyncSession, slug: str) -> None:
    current = await current_revision(session, slug)
    if current is not None:
        current.state = "superseded"
        await session.flush()


async def _made_current(
    session: AsyncSession, bundle: Bundle, superseded: ToolRevision | None, published_by: str
) -> ToolRevision:
    if superseded is not None:
        superseded.state = "current"
        await session.flush()
        return superseded
    highest = await session.scalar(
        sa.select(sa.func.max(ToolRevision.number)).where(ToolRevision.tool_slug == bundle.slug)
    )
    made = ToolRevision(
        tool_slug=bundle.slug,
        number=(highest or 0) + 1,
        version=bundle.manifest.version,
        digest=bundle.digest,
        archive=bundle.archive,
        manifest=msgspec.to_builtins(bundle.manifest),
        parameters_schema=bundle.parameters_schema,
        action_schemas=bundle.action_schemas,
        ansible_core=version("ansible-core"),
        state="current",
        published_by=published_by,
    )
    session.add(made)
    await session.flush()
    return made


def _check_successor(withdrawn: ToolRevision, successor: ToolRevision | None) -> None:
    if successor is not None and (successor.id == withdrawn.id or successor.state == "withdrawn"):
        raise WrongSuccessor(slug=withdrawn.tool_slug)


async def _name_successor(
    session: AsyncSession, withdrawn: ToolRevision, successor: ToolRevision | None, withdrawn_by: str
) -> bool:
    """Name the successor of what was withdrawn before there was one; once named, it stays."""
    if successor is None or successor.id == withdrawn.successor_id:
        return False
    if withdrawn.successor_id is not None:
        raise WrongSuccessor(slug=withdrawn.tool_slug)
    _check_successor(withdrawn, successor)
    withdrawn.successor_id = successor.id
    await session.flush()
    await _record_withdrawal(session, withdrawn, successor, withdrawn_by)
    return True


async def _record_withdrawal(
    session: AsyncSession, withdrawn: ToolRevision, successor: ToolRevision | None, withdrawn_by: str
) -> None:
    audit.record(
        session,
        actor=withdrawn_by,
        action="tool.revision_withdrawn",
        subject=("tool", withdrawn.tool_slug),
        details={"revision": withdrawn.number, "successor": None if successor is None else successor.number},
    )
    await announce(session)
