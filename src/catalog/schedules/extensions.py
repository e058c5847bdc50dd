"""Extending the time for which an instance is wanted, within the policy (`instances.terms`)."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.calendar.service import database_now
from catalog.instances.tables import EndNotice, Instance
from catalog.instances.terms import latest_extension, next_term_end
from catalog.platform import audit, outbox
from catalog.platform.errors import FieldError, InvalidInput
from catalog.platform.i18n import Text
from catalog.runs.service import site_of
from catalog.schedules.errors import NoEndDate, NothingToExtend
from catalog.schedules.planning import ENDED
from catalog.schedules.removals import bring_back, refuse_if_removed

EXTENDABLE = frozenset({"running", "suspended"})
END_REACHED = "end-date-reached"
"""Needs attention: the last day is over."""

_NOT_LATER = Text(
    en="It must be after the present last day, {day}.", fr="Il faut un jour après le dernier jour actuel, {day}."
)
_PAST = Text(en="This day is past: today is {day}.", fr="Ce jour est passé : nous sommes le {day}.")
_TOO_FAR = Text(en="At most twelve months from today: {day}.", fr="Au plus douze mois à partir d’aujourd’hui : {day}.")


async def extend(session: AsyncSession, instance: Instance, until: dt.date | None, *, actor: str) -> None:
    """Move the last day to `until`, or to the end of the next academic term. What its end had suspended is resumed.

    The instance's row is locked. Raises `NothingToExtend`, `NoEndDate`, `RemovalStands`, `PurgeBegan`, `InvalidInput`,
    `SubjectBusy`.
    """
    if instance.state not in EXTENDABLE:
        raise NothingToExtend(state=instance.state)
    await refuse_if_removed(session, instance)
    before = instance.ends_on
    if before is None:
        raise NoEndDate
    site = await site_of(session, instance.host_id)
    today = (await database_now(session)).astimezone(site.zone).date()
    day = until or next_term_end(max(before, today))
    wrong = tuple(_wrong(day, before, today))
    if wrong:
        raise InvalidInput(fields=wrong)
    if await _has_ended(session, instance, before):
        await _reopen(session, instance, actor)
    instance.ends_on = day
    instance.version += 1
    told = {"from": before.isoformat(), "until": day.isoformat()}
    audit.record(
        session,
        actor=actor,
        action="instance.extended",
        subject=("instance", instance.id),
        member_id=instance.member_id,
        details=told,
    )
    outbox.emit(
        session,
        "instance.extended",
        {"instance_id": str(instance.id), "member_id": str(instance.member_id), "by": actor, **told},
    )
    await session.flush()


async def _has_ended(session: AsyncSession, instance: Instance, ends_on: dt.date) -> bool:
    found = await session.get(EndNotice, (instance.id, ends_on, ENDED))
    return found is not None


async def _reopen(session: AsyncSession, instance: Instance, actor: str) -> None:
    """Undo what the end did. One that could not be suspended was in use all the time."""
    if instance.state == "suspended" or (instance.attention or "").startswith("suspend-"):
        await bring_back(session, instance, actor=actor)
    elif instance.attention == END_REACHED:
        instance.attention = None


def _wrong(day: dt.date, before: dt.date, today: dt.date) -> Iterator[FieldError]:
    latest = latest_extension(today)
    if day <= before:
        yield FieldError("/date", "not-later", _NOT_LATER.filled(day=before))
    elif day < today:
        yield FieldError("/date", "in-the-past", _PAST.filled(day=today))
    elif day > latest:
        yield FieldError("/date", "too-far", _TOO_FAR.filled(day=latest))
