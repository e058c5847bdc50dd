"""What something is on: everything, a site, a host, a tool, a member or an instance, by the names that people know."""

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from catalog.instances.tables import Instance
from catalog.members.tables import Member
from catalog.platform.errors import FieldError
from catalog.platform.i18n import Text
from catalog.sites.tables import Host, Site
from catalog.tools.tables import Tool

Scope = Literal["all", "site", "host", "tool", "member", "instance"]

_NAMES: Mapping[str, InstrumentedAttribute[str]] = {
    "site": Site.slug,
    "host": Host.name,
    "tool": Tool.slug,
    "member": Member.alias,
    "instance": Instance.hostname,
}
_KEYS: Mapping[str, sa.ColumnElement[str]] = {
    "site": sa.cast(Site.id, sa.Text),
    "host": sa.cast(Host.id, sa.Text),
    "tool": sa.type_coerce(Tool.slug, sa.Text()),
    "member": sa.cast(Member.id, sa.Text),
    "instance": sa.cast(Instance.id, sa.Text),
}
_WHOSE: Mapping[str, sa.SQLColumnExpression[Any]] = {"member": Member.id, "instance": Instance.member_id}
_NO_TARGET = Text(
    en="What is on everything names nothing: leave the target out.",
    fr="Ce qui porte sur tout ne vise rien en particulier : omettez la cible.",
)
_TARGET_NEEDED = Text(
    en="Say which one: a site’s slug, a host’s name, a tool’s slug, a member’s alias, or an instance’s hostname or id.",
    fr="Dites laquelle ou lequel : un identifiant de site, un nom d’hôte, un identifiant d’outil, un alias de membre,"
    " ou le nom d’hôte ou l’id d’une instance.",
)
_UNKNOWN = Text(en="There is nothing of this name.", fr="Rien ne porte ce nom.")


class Target(NamedTuple):
    """What is meant: by the key that is kept, the name that people know, and whose it alone is; empty for all."""

    key: str = ""
    name: str = ""
    member_id: UUID | None = None


async def find_target(session: AsyncSession, scope: Scope, name: str | None) -> Target | FieldError:
    """Find what is meant by `name`, or give what is wrong with it."""
    if (scope == "all") != (name is None):
        return FieldError("/target", "not-allowed", _NO_TARGET if scope == "all" else _TARGET_NEEDED)
    if name is None:
        return Target()
    column, key = _NAMES[scope], _KEYS[scope]
    meant: sa.ColumnElement[bool] = column == name
    if scope == "instance":
        meant = sa.or_(sa.and_(meant, Instance.state != "removed"), key == name)
    row = (await session.execute(sa.select(key, column, _WHOSE.get(scope, sa.null())).where(meant).limit(1))).first()
    return FieldError("/target", "unknown", _UNKNOWN) if row is None else Target(row[0], row[1], row[2])


async def names_of(session: AsyncSession, targets: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Give the names that people know of `targets` (scope and key), in one query a kind."""
    names: dict[tuple[str, str], str] = {}
    for scope, column in _NAMES.items():
        keys = {key for kind, key in targets if kind == scope}
        if keys:
            rows = await session.execute(sa.select(_KEYS[scope], column).where(_KEYS[scope].in_(keys)))
            names |= {(scope, row[0]): row[1] for row in rows}
    return names


def keys_of(instance: Instance, site_id: UUID) -> list[tuple[str, str]]:
    """Give every scope and key by which something is on an instance, which stands at `site_id`."""
    return [
        ("all", ""),
        ("site", str(site_id)),
        ("host", str(instance.host_id)),
        ("tool", instance.tool_slug),
        ("member", str(instance.member_id)),
        ("instance", str(instance.id)),
    ]
