"""The sites' addresses."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform.http.language import language_headers
from catalog.platform.http.pages import Page, PageRequest, paginate
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language
from catalog.sites.schemas import SiteOut, site_out
from catalog.sites.tables import Site


class SitesController(Controller):
    """Where the co-op's hosts stand."""

    path = "/v1/sites"
    tags = ("Sites",)

    @get(summary="List the data centres", responses=refusals(400))
    async def sites(
        self,
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
    ) -> Response[Page[SiteOut]]:
        """List where instances can stand, and until when each place is attested."""
        found, following = await paginate(uow, select(Site), Site.id, page)
        items = [site_out(site, language) for site in found]
        return Response(Page(items=items, next=following), headers=language_headers(language))
