"""Holds: no new run begins under one until it is lifted. What waits for it says so (`runs.waiting`)."""

from typing import Literal, NamedTuple, get_args
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.tables import Instance
from catalog.instances.targets import Target, find_target, keys_of, names_of
from catalog.platform import audit
from catalog.platform.clock import now
from catalog.platform.db.base import violated_constraint
from catalog.platform.errors import FieldError, InvalidInput, NotFound
from catalog.platform.i18n import Text
from catalog.runs.errors import HoldLifted, HoldStands
from catalog.runs.tables import Hold
from catalog.sites.tables import Host

Scope = Literal["all", "site", "host", "tool", "instance"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
MOST_REASON = 500

_STANDING = "uq_holds_standing"
_NO_REASON = Text(en="Say why: people whose work waits read it.", fr="Dites pourquoi : ceux qui attendent le lisent.")


class Placed(NamedTuple):
    """A hold, and what it is on by the name that people know; empty for everything."""

    hold: Hold
    name: str


async def place(session: AsyncSession, scope: Scope, target: str | None, *, reason: str, actor: str) -> Placed:
    """Hold all new runs under `target`. Raises `InvalidInput` for a target that is none, `HoldStands`."""
    wrong = []
    if not reason.strip():
        wrong.append(FieldError("/reason", "required", _NO_REASON))
    found = await find_target(session, scope, target)
    if not isinstance(found, Target):
        wrong.append(found)
    if wrong or not isinstance(found, Target):
        raise InvalidInput(fields=tuple(wrong))
    hold = Hold(scope=scope, target=found.key, reason=reason.strip(), placed_by=actor)
    try:
        async with session.begin_nested():
            session.add(hold)
            await session.flush()
    except IntegrityError as error:
        if violated_constraint(error) == _STANDING:
            raise HoldStands from error
        raise
    _record(session, hold, actor, "hold.placed")
    return Placed(hold, found.name)


async def lift(session: AsyncSession, hold_id: UUID, *, actor: str) -> Placed:
    """Let runs begin again; those that waited are taken up within seconds. Raises `NotFound`, `HoldLifted`."""
    hold = await session.get(Hold, hold_id, with_for_update=True)
    if hold is None:
        raise NotFound
    if hold.lifted_at is not None:
        raise HoldLifted
    hold.lifted_at, hold.lifted_by = now(), actor
    _record(session, hold, actor, "hold.lifted")
    await session.flush()
    (placed,) = await named(session, [hold])
    return placed


async def named(session: AsyncSession, holds: list[Hold]) -> list[Placed]:
    """Give holds with the names of what they are on, in one query a kind."""
    names = await names_of(session, {(hold.scope, hold.target) for hold in holds})
    return [Placed(hold, names.get((hold.scope, hold.target), hold.target)) for hold in holds]


async def is_held(session: AsyncSession, instance: Instance) -> bool:
    """Tell whether a hold stands in the way of new runs on an instance."""
    site_id = (await session.scalars(sa.select(Host.site_id).where(Host.id == instance.host_id))).one()
    standing = sa.select(Hold.id).where(
        Hold.lifted_at.is_(None), sa.tuple_(Hold.scope, Hold.target).in_(keys_of(instance, site_id))
    )
    return bool(await session.scalar(sa.select(standing.exists())))


def _record(session: AsyncSession, hold: Hold, actor: str, action: str) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject=("hold", hold.id),
        details={"scope": hold.scope, "target": hold.target, "reason": hold.reason},
    )
