"""Reading what was found of orphans. Row-level security leaves out everything for whoever is no operator."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.http.pages import PageRequest, paginate
from catalog.platform.i18n import Language
from catalog.runs.orphans.schemas import OrphanOut, OrphansOut, SurveyOut
from catalog.runs.orphans.tables import Orphan, Survey
from catalog.runs.schemas import error_out
from catalog.sites.tables import Host


async def list_orphans(session: AsyncSession, page: PageRequest, language: Language) -> OrphansOut:
    """Give one page of orphans, newest first, and every place that is looked over."""
    rows = await session.execute(
        sa.select(Survey, Host.name).outerjoin(Host, Host.id == Survey.host_id).order_by(Host.name.nulls_first())
    )
    surveys = [(row[0], row[1]) for row in rows]
    hosts = {survey.place: name for survey, name in surveys}
    found, following = await paginate(session, sa.select(Orphan), Orphan.id, page)
    return OrphansOut(
        items=[_orphan(one, hosts[one.place]) for one in found],
        next=following,
        surveys=[_survey(survey, name, language) for survey, name in surveys],
    )


async def look_again(session: AsyncSession) -> None:
    """Have every place looked over now."""
    await session.execute(sa.update(Survey).values(due_at=sa.func.clock_timestamp()))


def _orphan(one: Orphan, host: str | None) -> OrphanOut:
    return OrphanOut(
        id=one.id,
        kind="client" if host is None else "instance",
        host=host,
        name=one.name,
        instance_id=one.instance_id,
        why=one.why,
        found=one.found,
        first_seen_at=one.created_at,
        seen_at=one.seen_at,
    )


def _survey(survey: Survey, host: str | None, language: Language) -> SurveyOut:
    return SurveyOut(
        host=host,
        looked_at=survey.looked_at,
        due_at=survey.due_at,
        error=error_out(survey.error, language, for_operator=True),
    )
