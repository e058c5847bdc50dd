"""Who sees which requests, and what is told beside them.

Row-level security leaves out other members' requests. Within a member, a requester sees their own; the member's IT,
privacy officers and delegates see all of them, and so do operators.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import MemberRole, Principal
from catalog.instances.service import rows_by_id
from catalog.members.tables import Member, Person
from catalog.platform.errors import NotFound
from catalog.platform.http.pages import PageRequest, paginate
from catalog.requests.lifecycle import State
from catalog.requests.tables import Decision, Request
from catalog.sites.tables import Site
from catalog.tools.tables import ToolRevision

SEES_ALL_OF_MEMBER: tuple[MemberRole, ...] = ("member-it", "privacy-officer", "delegate")


class RequestFilter(msgspec.Struct, frozen=True):
    """Which requests are asked for; what is left out does not narrow the list."""

    state: State | None = None
    tool: str | None = None
    member: str | None = None
    reference: str | None = None
    labels: Mapping[str, str] = {}


class RequestView(msgspec.Struct, frozen=True):
    """A request with what is told beside it. `requester` and `decider` are none where they may not be seen."""

    request: Request
    member: Member
    site: Site
    revision: ToolRevision
    requester: Person | None
    decision: Decision | None
    decider: Person | None


async def visible_request(
    session: AsyncSession, principal: Principal, request_id: UUID, *, for_update: bool = False
) -> Request:
    """Give a request that the person may see, with its row locked where it is to be changed. Raises `NotFound`."""
    statement = sa.select(Request).where(Request.id == request_id, _visible(principal))
    if for_update:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = await session.scalar(statement)
    if found is None:
        raise NotFound
    return found


async def list_requests(
    session: AsyncSession, principal: Principal, wanted: RequestFilter, page: PageRequest
) -> tuple[list[RequestView], str | None]:
    """Give one page of requests, newest first, and the next page's `after` where there is one."""
    found, following = await paginate(session, _statement(principal, wanted), Request.id, page)
    return await views(session, found), following


async def views(session: AsyncSession, requests: Sequence[Request]) -> list[RequestView]:
    """Read what is told beside `requests`, in one query a kind."""
    decisions = await _decisions(session, requests)
    members = await rows_by_id(session, Member, (request.member_id for request in requests))
    sites = await rows_by_id(session, Site, (request.site_id for request in requests))
    revisions = await rows_by_id(session, ToolRevision, (request.revision_id for request in requests))
    people = await rows_by_id(
        session,
        Person,
        [
            *(request.requested_by for request in requests),
            *(decision.person_id for decision in decisions.values()),
        ],
    )
    return [
        RequestView(
            request=request,
            member=members[request.member_id],
            site=sites[request.site_id],
            revision=revisions[request.revision_id],
            requester=people.get(request.requested_by),
            decision=decisions.get(request.id),
            decider=people.get(decisions[request.id].person_id) if request.id in decisions else None,
        )
        for request in requests
    ]


def _visible(principal: Principal) -> sa.ColumnElement[bool]:
    if principal.is_operator:
        return sa.true()
    whole = [
        member_id
        for member_id in principal.member_roles
        if any(principal.has(role, member_id) for role in SEES_ALL_OF_MEMBER)
    ]
    return sa.or_(Request.requested_by == principal.person_id, Request.member_id.in_(whole))


def _statement(principal: Principal, wanted: RequestFilter) -> sa.Select[Request]:
    statement = sa.select(Request).where(_visible(principal))
    for column, value in (
        (Request.state, wanted.state),
        (Request.tool_slug, wanted.tool),
        (Request.reference, wanted.reference),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.member is not None:
        statement = statement.where(Request.member_id.in_(sa.select(Member.id).where(Member.alias == wanted.member)))
    if wanted.labels:
        statement = statement.where(Request.labels.contains(dict(wanted.labels)))
    return statement


async def _decisions(session: AsyncSession, requests: Sequence[Request]) -> dict[UUID, Decision]:
    ids = [request.id for request in requests]
    if not ids:
        return {}
    found = await session.scalars(sa.select(Decision).where(Decision.request_id.in_(ids)))
    return {decision.request_id: decision for decision in found}
