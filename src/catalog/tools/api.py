"""The catalog's addresses. They are public: what the co-op hosts is no secret."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from litestar.response.base import ASGIResponse

from catalog.identity.authentication import PUBLIC
from catalog.platform.db.engine import Database
from catalog.platform.db.scope import NOBODY
from catalog.platform.errors import NotFound
from catalog.platform.http.filters import Slug
from catalog.platform.http.language import language_headers, language_of
from catalog.platform.http.pages import Page
from catalog.platform.http.refusals import public_refusals
from catalog.platform.i18n import Language
from catalog.tools import service
from catalog.tools.cache import CatalogCache
from catalog.tools.schemas import RevisionOut, RevisionSummary, ToolOut, ToolSummary, revision_out, revision_summary

_UNCHANGED = ResponseSpec(None, description="It is what If-None-Match names.")
_LISTED = {
    200: ResponseSpec(Page[ToolSummary], description="The tools, by slug."),
    304: _UNCHANGED,
    **public_refusals(400, 503),
}
_FOUND = {200: ResponseSpec(ToolOut, description="The tool."), 304: _UNCHANGED, **public_refusals(404, 503)}
_PICTURE = {
    200: ResponseSpec(bytes, description="The picture.", media_type="image/*", generate_examples=False),
    304: _UNCHANGED,
    **public_refusals(404, 503),
}

Search = Annotated[
    str | None,
    QueryParameter(max_length=100, description="Words to find, in either language; case and accents don’t matter."),
]
InterfaceLanguage = Annotated[
    str | None,
    QueryParameter(
        name="language",
        max_length=20,
        description="A language that the tool’s interface must speak, such as fr.",
    ),
]


class ToolsController(Controller):
    """The tools that the co-op hosts."""

    path = "/v1/tools"
    tags = ("Tools",)
    opt = PUBLIC

    @get(summary="List the tools", responses=_LISTED)
    async def tools(
        self,
        request: Request[Any, Any, Any],
        cache: NamedDependency[CatalogCache],
        q: Search = None,
        interface_language: InterfaceLanguage = None,
    ) -> ASGIResponse:
        """List the tools that can be requested, all on one page."""
        snapshot, language = cache.current(), language_of(request)
        if q is None and interface_language is None:
            return snapshot.lists[language].answer(request.scope)
        filtered = snapshot.filtered(language, q=q, interface_language=interface_language)
        return filtered.answer(request.scope)

    @get("/{slug:str}", summary="Look at a tool", responses=_FOUND)
    async def tool(
        self, request: Request[Any, Any, Any], cache: NamedDependency[CatalogCache], slug: Slug
    ) -> ASGIResponse:
        """Look at one tool, with what its current revision declares."""
        found = cache.current().tools.get((slug, language_of(request)))
        if found is None:
            raise NotFound
        return found.answer(request.scope)

    @get("/{slug:str}/picture", summary="Look at a tool’s picture", responses=_PICTURE)
    async def picture(
        self, request: Request[Any, Any, Any], cache: NamedDependency[CatalogCache], slug: Slug
    ) -> ASGIResponse:
        """Look at the picture; its text alternative stands with the tool."""
        found = cache.current().pictures.get(slug)
        if found is None:
            raise NotFound
        return found.answer(request.scope)

    @get("/{slug:str}/revisions", summary="List a tool’s revisions", responses=public_refusals(404, 503))
    async def revisions(
        self, database: NamedDependency[Database], language: NamedDependency[Language], slug: Slug
    ) -> Response[Page[RevisionSummary]]:
        """List every published revision, newest first, all on one page."""
        async with database.begin(NOBODY) as session:
            await service.tool(session, slug)
            found = await service.revisions(session, slug)
        numbers = {revision.id: revision.number for revision in found}
        items = [revision_summary(revision, numbers) for revision in found]
        return Response(Page(items=items, next=None), headers=language_headers(language))

    @get("/{slug:str}/revisions/{number:int}", summary="Look at a revision", responses=public_refusals(404, 503))
    async def revision(
        self,
        database: NamedDependency[Database],
        language: NamedDependency[Language],
        slug: Slug,
        number: Annotated[int, PathParameter(ge=1, le=2**31 - 1)],
    ) -> Response[RevisionOut]:
        """Look at one revision: its sizes, and the form of its parameters as a JSON Schema."""
        async with database.begin(NOBODY) as session:
            tool = await service.tool(session, slug)
            found = await service.revision(session, slug, number)
            numbers = {revision.id: revision.number for revision in await service.revisions(session, slug)}
        return Response(revision_out(tool, found, numbers, language), headers=language_headers(language))
