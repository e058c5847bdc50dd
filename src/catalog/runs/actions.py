"""Actions as operators ask for them: checked with all that goes with them, the desired state changed, the run begun."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.service import Overrule
from catalog.instances.changes import Desired, desire, updated, upgraded
from catalog.instances.tables import Instance
from catalog.platform.errors import FieldError, InvalidInput
from catalog.platform.i18n import Text
from catalog.runs.definitions import INSTANCE_ACTIONS
from catalog.runs.errors import RemovalElsewhere
from catalog.runs.service import PERSON, may_begin, start_instance_run
from catalog.runs.tables import Run
from catalog.tools.parameters import validate_parameters
from catalog.tools.tables import ToolRevision

UPDATE, UPGRADE, REMOVE = "update", "upgrade", "deprovision"
CHANGING = frozenset({UPDATE, UPGRADE, "suspend", "resume", REMOVE})
"""The actions that change what an instance is desired to be: whoever asks for one has seen what it is now."""
REMOVABLE_AT_ONCE = frozenset({"failed", "removing"})
"""The states of an instance that nobody uses (any more)."""

_NOT_WITH = Text(en="This does not go with the action {action}.", fr="Cela ne va pas avec l’action {action}.")
_NEEDED = Text(en="The action {action} needs this.", fr="L’action {action} l’exige.")
_TAKES_NOTHING = Text(
    en="The tool’s action {action} takes no input.", fr="L’action {action} de l’outil ne prend aucune entrée."
)


class Checked(msgspec.Struct, frozen=True):
    """What an action comes to: the desired state that it leads to, where it changes that, and its playbook's input."""

    desired: Desired | None = None
    input: dict[str, Any] | None = None


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """An action with what goes with it; none for what was not given.

    `parameters` are changes of an update or upgrade, `revision` the number to upgrade to, `input` what one of the
    tool's own actions is given.
    """

    action: str
    parameters: dict[str, Any] | None = None
    revision: int | None = None
    input: dict[str, Any] | None = None


def misfits(wanted: Wanted) -> Iterator[FieldError]:
    """Say what does not go with the action, or lacks, whatever instance it is for."""
    action = wanted.action
    if wanted.parameters is None and action == UPDATE:
        yield FieldError("/parameters", "required", _NEEDED.filled(action=action))
    for pointer, given, fits in (
        ("/parameters", wanted.parameters, action in {UPDATE, UPGRADE}),
        ("/revision", wanted.revision, action == UPGRADE),
        ("/input", wanted.input, action not in INSTANCE_ACTIONS),
    ):
        if given is not None and not fits:
            yield FieldError(pointer, "not-allowed", _NOT_WITH.filled(action=action))


async def check(session: AsyncSession, instance: Instance, wanted: Wanted) -> Checked:
    """Look whether the action may begin as far as the instance goes, and give what it comes to; changes nothing.

    Whether another run acts on the instance is not looked at. Raises `InvalidInput`, `InstanceNotReady`,
    `ActionNotOffered`, `RemovalElsewhere`, `NothingToUpgrade`, `RevisionUnfit`.
    """
    wrong = tuple(misfits(wanted))
    if wrong:
        raise InvalidInput(fields=wrong)
    if wanted.action == REMOVE and instance.state not in REMOVABLE_AT_ONCE:
        raise RemovalElsewhere(state=instance.state, id=instance.id)
    await may_begin(session, instance, wanted.action)
    if wanted.action == UPDATE:
        return Checked(await updated(session, instance, wanted.parameters or {}))
    if wanted.action == UPGRADE:
        return Checked(await upgraded(session, instance, wanted.revision, wanted.parameters))
    if wanted.action in INSTANCE_ACTIONS:
        return Checked()
    return Checked(input=await _own_input(session, instance, wanted))


async def begin(  # noqa: PLR0913 - what is done to which instance, for whom
    session: AsyncSession,
    instance: Instance,
    wanted: Wanted,
    *,
    actor: str,
    priority: int = PERSON,
    batch_id: UUID | None = None,
    overrule: Overrule | None = None,
) -> Run:
    """Change what is desired of the instance, whose row is locked, and start the run that brings it about.

    Raises as `check` does, `SiteFull`, and `ChangesFrozen` (without `overrule`) and `SubjectBusy`: then the transaction
    must be given up, since the desired state has changed in it.
    """
    checked = await check(session, instance, wanted)
    if checked.desired is not None:
        await desire(session, instance, checked.desired, action=wanted.action, actor=actor)
    return await start_instance_run(
        session,
        instance,
        wanted.action,
        requested_by=actor,
        priority=priority,
        batch_id=batch_id,
        overrule=overrule,
        action_input=checked.input,
    )


async def _own_input(session: AsyncSession, instance: Instance, wanted: Wanted) -> dict[str, Any]:
    """Fill defaults in and check what one of the tool's own actions is given."""
    revision = await session.get_one(ToolRevision, instance.desired_revision_id)
    schema = revision.action_schemas.get(wanted.action)
    if schema is None:
        if wanted.input is not None:
            raise InvalidInput(
                fields=(FieldError("/input", "not-allowed", _TAKES_NOTHING.filled(action=wanted.action)),)
            )
        return {}
    filled, wrong = validate_parameters(schema, wanted.input or {}, pointer="/input")
    if wrong:
        raise InvalidInput(fields=wrong)
    return filled
