"""Writing windows and freezes down, and taking them away again."""

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.errors import WindowStands
from catalog.calendar.service import database_now
from catalog.calendar.tables import Freeze, MaintenanceWindow
from catalog.calendar.weekly import Weekly
from catalog.instances.tables import Instance
from catalog.instances.targets import Scope, Target, find_target
from catalog.platform import audit
from catalog.platform.db.base import violated_constraint
from catalog.platform.errors import FieldError, InvalidInput, NotFound
from catalog.platform.i18n import Text
from catalog.platform.typed import wrong_text
from catalog.sites.tables import Host

Kept = Freeze | MaintenanceWindow

MOST_REASON = 500
FURTHEST = dt.timedelta(days=5 * 366)

_BACKWARDS = Text(en="It must end after it starts.", fr="La fin doit suivre le début.")
_OVER = Text(en="It is over already.", fr="C’est déjà passé.")
_TOO_FAR = Text(en="At most five years from now.", fr="Au plus cinq ans d’ici.")


async def add_window(
    session: AsyncSession, scope: Scope, target: str | None, window: Weekly, *, actor: str
) -> tuple[MaintenanceWindow, str]:
    """Write a window down; give it, and the name of what it is on. Raises `InvalidInput`, `WindowStands`."""
    found = await _found(session, scope, target, ())
    made = MaintenanceWindow(
        scope=scope,
        target=found.key,
        member_id=found.member_id,
        weekday=window.weekday,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        made_by=actor,
    )
    try:
        async with session.begin_nested():
            session.add(made)
            await session.flush()
    except IntegrityError as error:
        if violated_constraint(error) == "uq_maintenance_windows_scope_target_weekday_opens_at_closes_at":
            raise WindowStands from error
        raise
    _record(session, made, "window.added", actor)
    return made, found.name


async def add_freeze(  # noqa: PLR0913 - the parts of one freeze
    session: AsyncSession,
    scope: Scope,
    target: str | None,
    *,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    reason: str,
    actor: str,
) -> tuple[Freeze, str]:
    """Write a freeze down; give it, and the name of what it is on. Raises `InvalidInput`.

    What has begun when it starts goes on to its end.
    """
    wrong = tuple(_wrong(starts_at, ends_at, reason, await database_now(session)))
    found = await _found(session, scope, target, wrong)
    made = Freeze(
        scope=scope,
        target=found.key,
        member_id=found.member_id,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason.strip(),
        made_by=actor,
    )
    session.add(made)
    await session.flush()
    _record(session, made, "freeze.added", actor)
    return made, found.name


async def remove(session: AsyncSession, table: type[Kept], row_id: UUID, *, actor: str) -> None:
    """Take a window or freeze away; the audit trail keeps what it said. Raises `NotFound`."""
    found: Kept | None = await session.get(table, row_id, with_for_update=True)
    if found is None:
        raise NotFound
    _record(session, found, "freeze.removed" if table is Freeze else "window.removed", actor)
    await session.delete(found)
    await session.flush()


def in_sight(table: type[Kept]) -> sa.ColumnElement[bool]:
    """Say, of a row of `table`, that it touches an instance that the transaction's person may see."""
    theirs = sa.select(Instance.id).where(Instance.state != "removed")
    at_site = theirs.join(Host, Host.id == Instance.host_id).where(sa.cast(Host.site_id, sa.Text) == table.target)
    return sa.or_(
        table.scope.in_(("all", "member", "instance")),
        sa.and_(table.scope == "tool", theirs.where(Instance.tool_slug == table.target).exists()),
        sa.and_(table.scope == "host", theirs.where(sa.cast(Instance.host_id, sa.Text) == table.target).exists()),
        sa.and_(table.scope == "site", at_site.exists()),
    )


async def _found(session: AsyncSession, scope: Scope, target: str | None, wrong: tuple[FieldError, ...]) -> Target:
    found = await find_target(session, scope, target)
    if isinstance(found, FieldError):
        raise InvalidInput(fields=(*wrong, found))
    if wrong:
        raise InvalidInput(fields=wrong)
    return found


def _wrong(starts_at: dt.datetime, ends_at: dt.datetime, reason: str, now: dt.datetime) -> Iterator[FieldError]:
    yield from wrong_text("/reason", reason, several_lines=True)
    far = [name for name, at in (("starts_at", starts_at), ("ends_at", ends_at)) if abs(at - now) > FURTHEST]
    for name in far:
        yield FieldError(f"/{name}", "too-far", _TOO_FAR)
    if far:
        return
    if ends_at <= starts_at:
        yield FieldError("/ends_at", "not-allowed", _BACKWARDS)
    elif ends_at <= now:
        yield FieldError("/ends_at", "in-the-past", _OVER)


def _record(session: AsyncSession, row: Kept, action: str, actor: str) -> None:
    kind = action.partition(".")[0]
    audit.record(
        session, actor=actor, action=action, subject=(kind, row.id), member_id=row.member_id, details=_told(row)
    )


def _told(row: Kept) -> dict[str, Any]:
    names = (
        ("scope", "target", "starts_at", "ends_at", "reason")
        if isinstance(row, Freeze)
        else ("scope", "target", "weekday", "opens_at", "closes_at")
    )
    told: dict[str, Any] = msgspec.to_builtins({name: getattr(row, name) for name in names})
    return told
