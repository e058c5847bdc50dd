"""What an update or an upgrade makes of an instance's desired state.

Finding that out changes nothing and starts nothing, so that a plan can ask too; `desire` writes it down.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.errors import NothingToUpgrade, RevisionUnfit
from catalog.instances.reservations import hold_ports
from catalog.instances.tables import Instance
from catalog.platform import audit
from catalog.platform.errors import FieldError, InvalidInput, NotFound
from catalog.platform.i18n import Text
from catalog.platform.json_schema import escaped
from catalog.tools.manifest import Manifest, manifest_of
from catalog.tools.parameter_schemas import CHANGEABLE
from catalog.tools.parameters import validate_parameters
from catalog.tools.service import current_revision, revision
from catalog.tools.tables import ToolRevision

PARAMETERS = "/parameters"
REVISION = "/revision"

_FIXED = Text(
    en="This was settled when the instance was set up, and can’t be changed since.",
    fr="Cela a été fixé à la création de l’instance et ne peut plus changer.",
)
_UNKNOWN = Text(en="{tool} has no revision {number}.", fr="{tool} n’a pas de révision {number}.")
_NONE_CURRENT = Text(
    en="{tool} has no current revision: name the one that is meant.",
    fr="{tool} n’a pas de révision actuelle : indiquez celle qu’il faut.",
)
_WITHDRAWN = Text(
    en="Revision {number} of {tool} was withdrawn: choose another one.",
    fr="La révision {number} de {tool} a été retirée : choisissez-en une autre.",
)


class Desired(msgspec.Struct, frozen=True):
    """What an instance is to be: a revision of its tool, and parameters that fit it with all defaults filled in."""

    revision: ToolRevision
    parameters: dict[str, Any]


async def updated(session: AsyncSession, instance: Instance, patch: Mapping[str, Any]) -> Desired:
    """Give what an update leads to: `patch` merged into the desired parameters (RFC 7396: null takes one out).

    Raises `InvalidInput` with a pointer to each field that is wrong, or that can't change after the first provision.
    """
    present = await _present(session, instance)
    return Desired(present, _merged(present, present, instance.desired_parameters, patch))


async def upgraded(
    session: AsyncSession, instance: Instance, number: int | None, patch: Mapping[str, Any] | None = None
) -> Desired:
    """Give what an upgrade to the revision `number` (none: the current one) leads to, with `patch` merged in.

    What the new revision has no place for is left behind. Raises `InvalidInput`, `NothingToUpgrade` where it is set up
    already, `RevisionUnfit` where it asks for what was not decided for this instance.
    """
    target = await target_revision(session, instance.tool_slug, number)
    if target.id == instance.desired_revision_id == instance.applied_revision_id:
        raise NothingToUpgrade(number=target.number)
    present = await _present(session, instance)
    _check_fit(manifest_of(present), manifest_of(target), instance.plan, target.number)
    return Desired(target, _merged(present, target, instance.desired_parameters, patch or {}))


async def target_revision(session: AsyncSession, tool: str, number: int | None) -> ToolRevision:
    """Give the revision that is meant; none named: the current one. Raises `InvalidInput`."""
    try:
        found = await (current_revision(session, tool) if number is None else revision(session, tool, number))
    except NotFound as error:
        raise _wrong("unknown-revision", _UNKNOWN.filled(tool=tool, number=number)) from error
    if found is None:
        raise _wrong("required", _NONE_CURRENT.filled(tool=tool))
    if found.state == "withdrawn":
        raise _wrong("revision-withdrawn", _WITHDRAWN.filled(tool=tool, number=found.number))
    return found


async def desire(session: AsyncSession, instance: Instance, desired: Desired, *, action: str, actor: str) -> None:
    """Write down what the instance is to be from now on, with the ports that it lacks; the row is locked before.

    Raises `SiteFull` where its host has no more ports.
    """
    before = await _present(session, instance)
    was, is_now = _filled(before, instance.desired_parameters), desired.parameters
    names = sorted(name for name in {*was, *is_now} if was.get(name) != is_now.get(name))
    audit.record(
        session,
        actor=actor,
        action=f"instance.{action}",
        subject=("instance", instance.id),
        member_id=instance.member_id,
        details={"revision": [before.number, desired.revision.number], "parameters": names},
    )
    await hold_ports(session, instance, manifest_of(desired.revision).ports)
    instance.desired_revision_id = desired.revision.id
    instance.desired_parameters = desired.parameters
    instance.version += 1
    await session.flush()


async def _present(session: AsyncSession, instance: Instance) -> ToolRevision:
    return await session.get_one(ToolRevision, instance.desired_revision_id)


def _wrong(code: str, detail: Text) -> InvalidInput:
    return InvalidInput(fields=(FieldError(REVISION, code, detail),))


def _merged(
    old: ToolRevision, new: ToolRevision, parameters: dict[str, Any], patch: Mapping[str, Any]
) -> dict[str, Any]:
    before = _filled(old, parameters)
    known = new.parameters_schema.get("properties", {})
    kept = {name: value for name, value in before.items() if name in known}
    after, wrong = validate_parameters(new.parameters_schema, merge(kept, patch), pointer=PARAMETERS)
    if not wrong:
        wrong = tuple(_fixed(old.parameters_schema, new.parameters_schema, before, after, PARAMETERS))
    if wrong:
        raise InvalidInput(fields=wrong)
    return after


def _filled(revision: ToolRevision, parameters: dict[str, Any]) -> dict[str, Any]:
    return validate_parameters(revision.parameters_schema, parameters, pointer=PARAMETERS)[0]


def merge(value: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merge as JSON Merge Patch does (RFC 7396): objects field by field, null takes a field out."""
    merged = dict(value)
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        elif isinstance(change, Mapping):
            inner = merged.get(name)
            merged[name] = merge(inner if isinstance(inner, Mapping) else {}, change)
        else:
            merged[name] = change
    return merged


def _fixed(
    old: Mapping[str, Any], new: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], pointer: str
) -> Iterator[FieldError]:
    """Point to what differs and may not; what only the new schema knows, or asks for, is free to be settled now."""
    described, asked_for = new.get("properties", {}), new.get("required", ())
    for name, was in old.get("properties", {}).items():
        is_now = described.get(name)
        if is_now is None or is_now.get(CHANGEABLE) or before.get(name) == after.get(name):
            continue
        if name not in before and name in asked_for:
            continue
        here = f"{pointer}/{escaped(name)}"
        inner = (before.get(name), after.get(name))
        if "properties" in is_now and all(isinstance(value, Mapping) for value in inner):
            yield from _fixed(was, is_now, before[name], after[name], here)
        else:
            yield FieldError(here, "not-changeable", _FIXED)


def _check_fit(old: Manifest, new: Manifest, plan: str, number: int) -> None:
    """Refuse what was not decided: another kind of host, more data leaving it, data it may not hold, no such plan."""
    if (
        (new.runs_code and not old.runs_code)
        or not {part.place for part in new.residency} <= {part.place for part in old.residency}
        or not set(old.data_classes) <= set(new.data_classes)
        or new.plan(plan) is None
    ):
        raise RevisionUnfit(number=number)
