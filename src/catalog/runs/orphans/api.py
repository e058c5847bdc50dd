"""The orphans' addresses."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.platform.http.language import language_headers
from catalog.platform.http.pages import PageRequest
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language
from catalog.runs.orphans import reading
from catalog.runs.orphans.schemas import OrphansOut

ACCEPTED = 202

_LIST = """
List what is in Keycloak and on hosts of instances that the catalog does not have there. For operators.

Workers look at each place once an hour. Nothing is removed by itself: look at what it is, and remove it by hand where
nobody needs it. Once it is gone, it is gone from this list the next time that its place was looked over.
""".strip()

_LOOKED = {
    202: ResponseSpec(
        OrphansOut, description="As it is by now: `looked_at` of each place says when it was looked over."
    ),
    **refusals(400, 403),
}


class OrphansController(Controller):
    """What nobody looks after."""

    path = "/v1/orphans"
    tags = ("Orphans",)

    @get(summary="List the orphans", description=_LIST, responses=refusals(400, 403))
    async def orphans(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
    ) -> Response[OrphansOut]:
        """List what the catalog does not have."""
        principal.require("operator")
        return Response(await reading.list_orphans(uow, page, language), headers=language_headers(language))

    @post("/look", summary="Look for orphans now", status_code=ACCEPTED, responses=_LOOKED)
    async def look(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
    ) -> Response[OrphansOut]:
        """Have every place looked over soon, rather than within the hour. For operators."""
        principal.require("operator")
        await reading.look_again(uow)
        found = await reading.list_orphans(uow, page, language)
        return Response(found, status_code=ACCEPTED, headers=language_headers(language))
