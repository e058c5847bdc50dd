"""What would be desired of an instance after an update, an upgrade or a reconcile."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.tables import Instance
from catalog.platform.errors import FieldError, InvalidInput, NotFound
from catalog.platform.i18n import Text
from catalog.platform.json_schema import escaped
from catalog.tools.parameter_schemas import CHANGEABLE
from catalog.tools.parameters import validate_parameters
from catalog.tools.service import current_revision
from catalog.tools.service import revision as revision_by_number
from catalog.tools.tables import ToolRevision

Planned = Literal["update", "upgrade", "reconcile"]

_NOT_FOR_THIS = Text(en="{action} does not take this.", fr="{action} n’admet pas ceci.")
_NEEDED = Text(en="Say what is to change.", fr="Indiquez ce qui doit changer.")
_FIXED = Text(
    en="This can’t be changed after the tool was set up.", fr="Ceci ne peut être modifié après la mise en place."
)
_NO_REVISION = Text(
    en="The tool has no such revision, or it was withdrawn.",
    fr="L’outil n’a pas cette révision, ou elle a été retirée.",
)


class Desired(msgspec.Struct, frozen=True):
    """A revision, and the parameters that go with it."""

    revision: ToolRevision
    parameters: dict[str, Any]


async def desired_after(
    session: AsyncSession,
    instance: Instance,
    action: Planned,
    parameters: Mapping[str, Any] | None,
    revision: int | None,
) -> Desired:
    """Give what would be desired of `instance` once the action was started.

    An update lays `parameters` over those that are desired now. An upgrade takes the revision of that number, by
    default the current one, with defaults for what it asks for anew; `parameters` may be laid over, too. A reconcile
    takes what was last set up. Raises `InvalidInput` with everything that is wrong.
    """
    _refuse_what_is_not_for(action, parameters, revision)
    if action == "reconcile":
        found = await session.get(ToolRevision, instance.applied_revision_id or instance.desired_revision_id)
        if found is None:
            raise NotFound
        applied = instance.applied_parameters
        return Desired(found, instance.desired_parameters if applied is None else applied)
    target = await _revision(session, instance, action, revision)
    laid_over = {**instance.desired_parameters, **(parameters or {})}
    filled, wrong = validate_parameters(target.parameters_schema, laid_over, pointer="/parameters")
    fixed = () if wrong else tuple(_fixed(target.parameters_schema, instance.desired_parameters, filled))
    if wrong or fixed:
        raise InvalidInput(fields=(*wrong, *fixed))
    return Desired(target, filled)


def _refuse_what_is_not_for(action: Planned, parameters: Mapping[str, Any] | None, revision: int | None) -> None:
    given = {"/parameters": parameters, "/revision": revision}
    taken = {"update": {"/parameters"}, "upgrade": {"/parameters", "/revision"}, "reconcile": set()}[action]
    wrong = [
        FieldError(pointer, "not-allowed", _NOT_FOR_THIS.filled(action=action))
        for pointer, value in given.items()
        if value is not None and pointer not in taken
    ]
    if action == "update" and not parameters:
        wrong.append(FieldError("/parameters", "required", _NEEDED))
    if wrong:
        raise InvalidInput(fields=tuple(wrong))


async def _revision(session: AsyncSession, instance: Instance, action: Planned, number: int | None) -> ToolRevision:
    if action == "update":
        return await session.get_one(ToolRevision, instance.desired_revision_id)
    unknown = InvalidInput(fields=(FieldError("/revision", "unknown-revision", _NO_REVISION),))
    if number is None:
        found = await current_revision(session, instance.tool_slug)
    else:
        try:
            found = await revision_by_number(session, instance.tool_slug, number)
        except NotFound as error:
            raise unknown from error
    if found is None or found.state == "withdrawn":
        raise unknown
    return found


def _fixed(schema: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldError]:
    """Name what is another value than before, and is marked as fixed at birth."""
    for name, described in schema.get("properties", {}).items():
        if name in before and before[name] != after.get(name) and not described.get(CHANGEABLE, False):
            yield FieldError(f"/parameters/{escaped(name)}", "not-changeable", _FIXED)
