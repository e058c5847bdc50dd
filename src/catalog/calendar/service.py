"""Whether something may change now. What people decide and what is scheduled pass here alike."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.errors import ChangesFrozen, OutsideWindows
from catalog.calendar.tables import Freeze, MaintenanceWindow
from catalog.calendar.weekly import Weekly, next_open
from catalog.instances.tables import Instance
from catalog.instances.targets import keys_of
from catalog.platform import audit
from catalog.sites.tables import Site

UNCHANGING = frozenset({"verify", "backup"})
"""Actions that leave everything as it is."""

GIVING_BACK = frozenset({"resume"})
"""Actions that give people back what they had: a freeze protects their work, so it does not stand in the way."""


class Overrule(NamedTuple):
    """An operator goes past a freeze, and says why. Whoever takes it from outside has checked the role."""

    actor: str
    reason: str


async def let_change(  # noqa: PLR0913 - what is done to which instance, by whom
    session: AsyncSession, instance: Instance, site: Site, action: str, *, scheduled: bool, overrule: Overrule | None
) -> None:
    """Let `action` begin, or raise `ChangesFrozen`, or `OutsideWindows` for what is scheduled.

    The moment is the database's. A first provision goes ahead: nobody uses the instance yet, and people decided it.
    """
    first = action == "provision" and instance.applied_revision_id is None
    if first or action in UNCHANGING | GIVING_BACK:
        return
    for freeze in await standing_freezes(session, instance, site):
        if overrule is None:
            until = freeze.ends_at.astimezone(site.zone).strftime("%Y-%m-%d %H:%M %Z")
            raise ChangesFrozen(until=until, reason=freeze.reason, freeze=freeze.id)
        _record_overruled(session, instance, freeze, action, overrule)
    if scheduled:
        await _within_windows(session, instance, site)


async def standing_freezes(session: AsyncSession, instance: Instance, site: Site) -> Sequence[Freeze]:
    """List the freezes that stand over an instance now, the one that lasts longest first."""
    at = sa.func.clock_timestamp()
    found = await session.scalars(
        sa.select(Freeze)
        .where(Freeze.starts_at <= at, Freeze.ends_at > at, touches(Freeze, instance, site))
        .order_by(Freeze.ends_at.desc(), Freeze.id)
    )
    return found.all()


def touches(table: type[Freeze] | type[MaintenanceWindow], instance: Instance, site: Site) -> sa.ColumnElement[bool]:
    """Say, of a row of `table`, that it is on this instance or on what it belongs to."""
    return sa.tuple_(table.scope, table.target).in_(keys_of(instance, site.id))


async def _within_windows(session: AsyncSession, instance: Instance, site: Site) -> None:
    """Raise `OutsideWindows` unless one that touches the instance is open, or there is none at all."""
    rows = await session.scalars(sa.select(MaintenanceWindow).where(touches(MaintenanceWindow, instance, site)))
    windows = [Weekly(row.weekday, row.opens_at, row.closes_at) for row in rows]
    at = await database_now(session)
    opens = next_open(windows, site.zone, at)
    if opens is not None and opens > at:
        raise OutsideWindows(opens=opens.astimezone(site.zone).strftime("%Y-%m-%d %H:%M %Z"))


async def database_now(session: AsyncSession) -> dt.datetime:
    """Give the moment by the database's clock, which all processes share."""
    moment: dt.datetime = (await session.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return moment


def _record_overruled(
    session: AsyncSession, instance: Instance, freeze: Freeze, action: str, overrule: Overrule
) -> None:
    audit.record(
        session,
        actor=overrule.actor,
        action="freeze.overruled",
        subject=("instance", instance.id),
        member_id=instance.member_id,
        details={"freeze_id": str(freeze.id), "action": action, "reason": overrule.reason},
    )
