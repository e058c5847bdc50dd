"""Holds: no new run begins under one until it is lifted. What waits for it says so (`runs.waiting`)."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from catalog.instances.tables import Instance
from catalog.platform import audit
from catalog.platform.clock import now
from catalog.platform.db.base import violated_constraint
from catalog.platform.errors import FieldError, InvalidInput, NotFound
from catalog.platform.i18n import Text
from catalog.runs.errors import HoldLifted, HoldStands
from catalog.runs.tables import Hold
from catalog.sites.tables import Host, Site
from catalog.tools.tables import Tool

Scope = Literal["all", "site", "host", "tool", "instance"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
MOST_REASON = 500

_STANDING = "uq_holds_standing"
_NAMES: Mapping[Scope, InstrumentedAttribute[str]] = {
    "site": Site.slug,
    "host": Host.name,
    "tool": Tool.slug,
    "instance": Instance.hostname,
}
_NO_TARGET = Text(
    en="A hold on everything names nothing: leave the target out.",
    fr="Une suspension générale ne vise rien en particulier : omettez la cible.",
)
_TARGET_NEEDED = Text(
    en="Say which one: a site’s slug, a host’s name, a tool’s slug, or an instance’s hostname or id.",
    fr="Dites laquelle ou lequel : un identifiant de site, un nom d’hôte, un identifiant d’outil, ou le nom d’hôte"
    " ou l’id d’une instance.",
)
_UNKNOWN = Text(en="There is nothing of this name.", fr="Rien ne porte ce nom.")
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
    if (scope == "all") != (target is None):
        wrong.append(FieldError("/target", "not-allowed", _NO_TARGET if scope == "all" else _TARGET_NEEDED))
    found = None if wrong or target is None else await _find(session, scope, target)
    if target is not None and found is None and not wrong:
        wrong.append(FieldError("/target", "unknown", _UNKNOWN))
    if wrong:
        raise InvalidInput(fields=tuple(wrong))
    key, name = found or ("", "")
    hold = Hold(scope=scope, target=key, reason=reason.strip(), placed_by=actor)
    try:
        async with session.begin_nested():
            session.add(hold)
            await session.flush()
    except IntegrityError as error:
        if violated_constraint(error) == _STANDING:
            raise HoldStands from error
        raise
    _record(session, hold, actor, "hold.placed")
    return Placed(hold, name)


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
    names: dict[tuple[str, str], str] = {}
    for scope, column in _NAMES.items():
        keys = {hold.target for hold in holds if hold.scope == scope}
        if keys:
            key = _key(scope)
            rows = await session.execute(sa.select(key, column).where(key.in_(keys)))
            names |= {(scope, row[0]): row[1] for row in rows}
    return [Placed(hold, names.get((hold.scope, hold.target), hold.target)) for hold in holds]


async def _find(session: AsyncSession, scope: Scope, target: str) -> tuple[str, str] | None:
    """Give the key and the name of what is meant; none where there is nothing."""
    column, key = _NAMES[scope], _key(scope)
    meant = [column == target]
    if scope == "instance":
        meant = [sa.or_(sa.and_(column == target, Instance.state != "removed"), key == target)]
    row = (await session.execute(sa.select(key, column).where(*meant).limit(1))).first()
    return None if row is None else (row[0], row[1])


def _key(scope: str) -> sa.ColumnElement[str]:
    """Give what a hold keeps of its target."""
    if scope == "tool":
        return sa.type_coerce(Tool.slug, sa.Text())
    return sa.cast({"site": Site.id, "host": Host.id, "instance": Instance.id}[scope], sa.Text)


def _record(session: AsyncSession, hold: Hold, actor: str, action: str) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject=("hold", hold.id),
        details={"scope": hold.scope, "target": hold.target, "reason": hold.reason},
    )
