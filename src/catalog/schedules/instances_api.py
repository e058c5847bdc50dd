"""The addresses by which an instance is removed, taken back, and extended."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.service import Overrule
from catalog.identity.principals import MemberRole, Principal
from catalog.instances import service
from catalog.instances.schemas import InstanceOut, instance_out
from catalog.instances.tables import Instance
from catalog.platform.errors import Forbidden, InvalidInput
from catalog.platform.http.conditional import etag, require_match
from catalog.platform.http.language import language_headers
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language
from catalog.platform.typed import wrong_text
from catalog.schedules import extensions, removals
from catalog.schedules.schemas import ExtensionIn, RemovalIn
from catalog.settings import ServerSettings

ACCEPTED, OK = 202, 200
MAY_REMOVE: tuple[MemberRole, ...] = ("member-it",)
MAY_EXTEND: tuple[MemberRole, ...] = ("member-it", "requester")

_CHANGED = refusals(403, 404, 409, 412, 428)
_TAKEN = {**_CHANGED, **refusals(400, 413, 415)}

IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="The `ETag` that was read. Needed, since this is a change."),
]


class LeavingController(Controller):
    """How an instance ends, and how it goes on after all."""

    path = "/v1/instances"
    tags = ("Instances",)

    @post("/{instance_id:uuid}/removal", summary="Remove an instance", status_code=ACCEPTED, responses=_TAKEN)
    async def remove(  # noqa: PLR0913 - each is a part of the request
        self,
        *,
        data: JSONBody[RemovalIn],
        principal: NamedDependency[Principal],
        settings: NamedDependency[ServerSettings],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        instance_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Response[InstanceOut]:
        """Take an instance off the web now, and have it purged when the grace time is over (30 days by default).

        For operators and the member's IT. Nothing is deleted until `removal.purge_at`; the removal can be taken back
        before. Where the tool can't be suspended (`removal.suspends` is false), it stays in use until then. It is never
        purged during a freeze, nor unless its suspension has succeeded: then it needs attention.
        """
        instance = await _changeable(uow, principal, instance_id, MAY_REMOVE)
        overrule = _overrule(principal, data)
        await removals.refuse_if_removed(uow, instance)
        require_match(if_match, instance.version)
        await removals.remove(
            uow,
            instance,
            reason=data.reason.strip(),
            actor=principal.actor,
            grace=dt.timedelta(days=settings.removal_grace_days),
            overrule=overrule,
        )
        return await _answer(uow, instance, language)

    @delete("/{instance_id:uuid}/removal", summary="Take a removal back", status_code=ACCEPTED, responses=_CHANGED)
    async def take_back(
        self,
        *,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        instance_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Response[InstanceOut]:
        """Keep an instance after all: what the removal suspended is resumed. For operators and the member's IT.

        A conflict once its purge has begun, and while its suspension is still under way.
        """
        instance = await _changeable(uow, principal, instance_id, MAY_REMOVE)
        await removals.takeable(uow, instance)
        require_match(if_match, instance.version)
        await removals.take_back(uow, instance, actor=principal.actor)
        return await _answer(uow, instance, language)

    @post("/{instance_id:uuid}/extension", summary="Extend an instance", status_code=OK, responses=_TAKEN)
    async def extend(  # noqa: PLR0913 - each is a part of the request
        self,
        *,
        data: JSONBody[ExtensionIn],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        instance_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Response[InstanceOut]:
        """Move an instance's last day: to the end of the next academic term, or to a day within twelve months.

        For the member's IT and requesters, and operators. An instance that its end had suspended is resumed.
        """
        instance = await _changeable(uow, principal, instance_id, MAY_EXTEND)
        require_match(if_match, instance.version)
        await extensions.extend(uow, instance, data.date, actor=principal.actor)
        return await _answer(uow, instance, language)


async def _changeable(
    session: AsyncSession, principal: Principal, instance_id: UUID, roles: tuple[MemberRole, ...]
) -> Instance:
    """Lock an instance that the person may change. Raises `NotFound`, `Forbidden`."""
    instance = await removals.locked_instance(session, instance_id)
    if not principal.is_operator and not any(principal.has(role, instance.member_id) for role in roles):
        raise Forbidden(role=roles[0])
    return instance


def _overrule(principal: Principal, data: RemovalIn) -> Overrule | None:
    """Read why a freeze is overruled. Raises `InvalidInput`, `Forbidden`."""
    texts = (("/reason", data.reason), ("/overrule", data.overrule))
    wrong = tuple(
        field for pointer, text in texts if text is not None for field in wrong_text(pointer, text, several_lines=True)
    )
    if wrong:
        raise InvalidInput(fields=wrong)
    if data.overrule is None:
        return None
    principal.require("operator")
    return Overrule(principal.actor, data.overrule.strip())


async def _answer(session: AsyncSession, instance: Instance, language: Language) -> Response[InstanceOut]:
    (view,) = await service.views(session, [instance])
    headers = {**language_headers(language), "ETag": etag(instance.version)}
    return Response(instance_out(view, language), headers=headers)
