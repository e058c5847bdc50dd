"""Looking for orphans: each place once an hour, by a worker that is near it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.instances.tables import Instance
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.i18n import Text
from catalog.runs.ansible.process import HostSilent
from catalog.runs.ansible.workspace import Target
from catalog.runs.definitions import CORE, site_queue
from catalog.runs.failures import NotDone, Problem, StepUnavailable
from catalog.runs.orphans.standing import Standing, in_keycloak, keys_of, on_host
from catalog.runs.orphans.tables import SIGN_ON, Orphan, Survey
from catalog.runs.steps.parts import Parts, keycloak
from catalog.runs.tables import Run
from catalog.sites.tables import Host, Site

EVERY = dt.timedelta(hours=1)
AGAIN_AFTER_FAILURE = dt.timedelta(minutes=10)
MOST_FOUND = 50

log = structlog.get_logger()

_SILENT = Problem(
    code="host-unreachable",
    title=Text(en="The host does not answer", fr="L’hôte ne répond pas"),
    detail=Text(
        en="What stands on it is not known. It is looked at again by itself.",
        fr="On ne sait pas ce qui s’y trouve. Un nouvel essai se fera de lui-même.",
    ),
)


class _Place(msgspec.Struct, frozen=True):
    """A place that this worker has taken to look over, and the moment from which on it does."""

    name: str
    host: Host | None
    began: dt.datetime


class Surveyor:
    """Looks for one worker. `queues` are those that it works for, which say what it is near; none named: all."""

    def __init__(self, database: Database, parts: Parts, queues: Sequence[str] = ()) -> None:
        self._database = database
        self._parts = parts
        self._queues = queues

    async def look(self) -> bool:
        """Look over one place that is due; False where none is. One, so that a worker that must end soon can."""
        async with self._database.begin(OPERATOR) as session:
            await _write_places(session)
        place = await self._take()
        if place is not None:
            await self._look_over(place)
        return place is not None

    async def _take(self) -> _Place | None:
        """Take a place that is due, so that no other worker looks at it now."""
        async with self._database.begin(OPERATOR) as session:
            found = await session.execute(self._due().with_for_update(of=Survey, skip_locked=True))
            row = found.first()
            if row is None:
                return None
            survey, host, moment = row
            survey.due_at = moment + EVERY
            return _Place(survey.place, host, moment)

    def _due(self) -> sa.Select[Survey, Host, dt.datetime]:
        moment = sa.func.clock_timestamp()
        statement = (
            sa.select(Survey, Host, moment)
            .outerjoin(Host, Host.id == Survey.host_id)
            .outerjoin(Site, Site.id == Host.site_id)
            .where(Survey.due_at <= moment, sa.or_(Host.id.is_(None), Host.state != "retired"))
            .order_by(Survey.due_at)
            .limit(1)
        )
        if not self._queues:
            return statement
        near = sa.func.coalesce(sa.literal(site_queue("")) + Site.slug, CORE)
        return statement.where(near.in_(self._queues))

    async def _look_over(self, place: _Place) -> None:
        try:
            standing = await self._standing(place)
        except NotDone as why:
            problem: Problem | None = getattr(why, "problem", None)
            if problem is None:
                raise
            log.info("survey.not_done", place=place.name, code=problem.code)
            async with self._database.begin(OPERATOR) as session:
                survey = await session.get_one(Survey, place.name)
                survey.error, survey.due_at = problem.as_json(), place.began + AGAIN_AFTER_FAILURE
            return
        async with self._database.begin(OPERATOR) as session:
            orphans = await _orphans(session, place, standing)
            await _keep(session, place, orphans)
        log.info("survey.done", place=place.name, standing=len(standing), orphans=len(orphans))

    async def _standing(self, place: _Place) -> list[Standing]:
        if place.host is None:
            async with keycloak(self._parts.clients) as connection:
                return await in_keycloak(connection)
        target = Target(place.host.address, place.host.ssh_port, place.host.ssh_host_key)
        try:
            return await on_host(self._parts.playbooks, target)
        except HostSilent as error:
            raise StepUnavailable(_SILENT) from error


async def _write_places(session: AsyncSession) -> None:
    """Have a row for Keycloak and for each host."""
    known = sa.exists().where(Survey.host_id == Host.id)
    hosts = await session.scalars(sa.select(Host.id).where(Host.state != "retired", ~known))
    rows: list[dict[str, Any]] = [{"place": str(host_id), "host_id": host_id} for host_id in hosts]
    if await session.get(Survey, SIGN_ON) is None:
        rows.append({"place": SIGN_ON, "host_id": None})
    if rows:
        await session.execute(insert(Survey).values(rows).on_conflict_do_nothing())


async def _orphans(session: AsyncSession, place: _Place, standing: list[Standing]) -> list[tuple[Standing, str]]:
    """Give what the catalog does not have there, and why. What was removed while this looked is none.

    The catalog is read after the place: what came into being meanwhile is in it before it stands anywhere.
    """
    key = sa.literal("i") + sa.func.right(sa.func.replace(sa.cast(Instance.id, sa.Text), "-", ""), 12)
    just_ended = sa.exists().where(Run.subject_id == Instance.id, Run.ended_at >= place.began)
    rows = await session.execute(
        sa.select(key, Instance.id, Instance.state, Instance.host_id, just_ended).where(key.in_(keys_of(standing)))
    )
    known = {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}
    found: list[tuple[Standing, str]] = []
    for one in standing:
        (one_key,) = keys_of([one])
        instance_id, state, host_id, ended_meanwhile = known.get(one_key, (None, None, None, False))
        if instance_id is None or (one.instance_id is not None and instance_id != one.instance_id):
            found.append((one, "unknown"))
        elif state == "removed" and not ended_meanwhile:
            found.append((msgspec.structs.replace(one, instance_id=instance_id), "removed"))
        elif state != "removed" and place.host is not None and host_id != place.host.id:
            found.append((msgspec.structs.replace(one, instance_id=instance_id), "elsewhere"))
    return found


async def _keep(session: AsyncSession, place: _Place, orphans: list[tuple[Standing, str]]) -> None:
    """Write down what was found; what is gone is forgotten."""
    for one, why in orphans:
        values = {"instance_id": one.instance_id, "why": why, "found": list(one.found[:MOST_FOUND])}
        added = insert(Orphan).values(place=place.name, name=one.name, seen_at=place.began, **values)
        await session.execute(
            added.on_conflict_do_update(
                index_elements=[Orphan.place, Orphan.name], set_=values | {"seen_at": place.began}
            )
        )
    await session.execute(sa.delete(Orphan).where(Orphan.place == place.name, Orphan.seen_at < place.began))
    survey = await session.get_one(Survey, place.name)
    survey.looked_at, survey.error = place.began, None
