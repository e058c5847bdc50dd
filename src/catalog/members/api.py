"""The members' addresses."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.members.schemas import MemberOut, member_out
from catalog.members.service import member_by_alias
from catalog.members.tables import Member
from catalog.platform.http.filters import Slug
from catalog.platform.http.language import language_headers
from catalog.platform.http.pages import Page, PageRequest, paginate
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language


class MembersController(Controller):
    """The institutions of the co-op."""

    path = "/v1/members"
    tags = ("Members",)

    @get(summary="List the members", responses=refusals(400))
    async def members(
        self,
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
    ) -> Response[Page[MemberOut]]:
        """List the institutions of the co-op, newest first."""
        found, following = await paginate(uow, select(Member), Member.id, page)
        items = [member_out(member, language) for member in found]
        return Response(Page(items=items, next=following), headers=language_headers(language))

    @get("/{alias:str}", summary="Look at a member", responses=refusals(404))
    async def member(
        self, uow: NamedDependency[AsyncSession], language: NamedDependency[Language], alias: Slug
    ) -> Response[MemberOut]:
        """Look at one institution, by its alias."""
        found = await member_by_alias(uow, alias)
        return Response(member_out(found, language), headers=language_headers(language))
