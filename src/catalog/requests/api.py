"""The requests' addresses."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.platform.http.conditional import etag
from catalog.platform.http.filters import LabelFilter, MemberFilter, ReferenceFilter, ToolFilter, wanted_labels
from catalog.platform.http.idempotency_header import IdempotencyKey
from catalog.platform.http.language import language_headers
from catalog.platform.http.pages import Page, PageRequest
from catalog.platform.http.refusals import refusals
from catalog.platform.i18n import Language
from catalog.requests import decisions, reading, submission
from catalog.requests.answers import dry_run_out, request_out
from catalog.requests.lifecycle import DESCRIPTION, State
from catalog.requests.schemas import DeclineIn, DryRunOut, NewRequest, RequestOut
from catalog.requests.tables import Request
from catalog.settings import ServerSettings

ACCEPTED, OK = 202, 200
RETRY_AFTER_SECONDS = "5"

_SUBMIT = f"""
Ask for a new instance of a tool. Nothing is set up yet: the answer says where it would stand and which roles decide.

Needs the role `requester` or `member-it` at the member. With `dry_run=true` everything is checked and nothing saved.
With an `Idempotency-Key`, the same body sent again gets the same request as it is by then, and makes nothing twice.

Warnings name what the privacy law of the member's province asks for, with its section; they never refuse.

States:

{DESCRIPTION}
""".strip()

_SUBMITTED = {
    202: ResponseSpec(RequestOut, description="The request waits for a decision; `Location` is where it is."),
    200: ResponseSpec(DryRunOut, description="What it would come to (`dry_run=true`). Nothing was saved."),
    **refusals(400, 403, 409, 413, 415),
}
_DECIDED = refusals(403, 404, 409, 412, 428)
_DECLINED = {**_DECIDED, **refusals(400, 413, 415)}

StateFilter = Annotated[State | None, QueryParameter(name="state", description="Only in this state.")]
IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="The `ETag` that was read. Needed, since this is a change."),
]
DryRun = Annotated[bool, QueryParameter(name="dry_run", description="Check everything and save nothing.")]


class RequestsController(Controller):
    """What members ask for, and who decided it."""

    path = "/v1/requests"
    tags = ("Requests",)

    @post(summary="Ask for an instance", description=_SUBMIT, status_code=ACCEPTED, responses=_SUBMITTED)
    async def submit(  # noqa: PLR0913 - each is a part of the request
        self,
        *,
        data: JSONBody[NewRequest],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        settings: NamedDependency[ServerSettings],
        dry_run: DryRun = False,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Any]:
        """Write a request down, or say what it would come to."""
        circumstances = submission.Circumstances(tools_domain=settings.tools_domain, language=language)
        if dry_run:
            draft = await submission.draft(uow, principal, data, circumstances)
            return Response(dry_run_out(draft, language), status_code=OK, headers=language_headers(language))
        request = await submission.submit(uow, principal, data, circumstances, idempotency_key=idempotency_key)
        answer = await _answer(uow, request, language)
        answer.status_code = ACCEPTED
        answer.headers |= {"Location": f"/v1/requests/{request.id}", "Retry-After": RETRY_AFTER_SECONDS}
        return answer

    @get(summary="List the requests", responses=refusals(400))
    async def requests(  # noqa: PLR0913 - each filter is a query parameter
        self,
        *,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        page: NamedDependency[PageRequest],
        wanted_state: StateFilter = None,
        tool: ToolFilter = None,
        member: MemberFilter = None,
        reference: ReferenceFilter = None,
        label: LabelFilter = None,
    ) -> Response[Page[RequestOut]]:
        """List requests, newest first.

        A requester sees their own; the member's IT, privacy officers and delegates see the member's; operators see all.
        """
        wanted = reading.RequestFilter(
            state=wanted_state, tool=tool, member=member, reference=reference, labels=wanted_labels(label)
        )
        views, following = await reading.list_requests(uow, principal, wanted, page)
        items = [request_out(view, language) for view in views]
        return Response(Page(items=items, next=following), headers=language_headers(language))

    @get("/{request_id:uuid}", summary="Look at a request", responses=refusals(404))
    async def request(
        self,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        request_id: FromPath[UUID],
    ) -> Response[RequestOut]:
        """Look at one request: what was asked for, where it would stand, what was decided and why."""
        return await _answer(uow, await reading.visible_request(uow, principal, request_id), language)

    @post("/{request_id:uuid}/approve", summary="Approve a request", status_code=OK, responses=_DECIDED)
    async def approve(
        self,
        *,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        request_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Response[RequestOut]:
        """Approve: the place, the name and the ports are reserved, and the run that sets it up is started.

        For operators, and not for whoever asked. All of it happens or none. Where the proposed site has no room any
        more, or the revision was withdrawn, it is a conflict: the request must be made and decided anew, since no other
        place or revision is taken without being asked for.
        """
        request = await decisions.approve(uow, principal, request_id, if_match=if_match)
        return await _answer(uow, request, language)

    @post("/{request_id:uuid}/decline", summary="Decline a request", status_code=OK, responses=_DECLINED)
    async def decline(  # noqa: PLR0913 - each is a part of the request
        self,
        *,
        data: JSONBody[DeclineIn],
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        request_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Response[RequestOut]:
        """Decline, saying why. For operators, and not for whoever asked."""
        request = await decisions.decline(uow, principal, request_id, reason=data.reason, if_match=if_match)
        return await _answer(uow, request, language)

    @post("/{request_id:uuid}/withdraw", summary="Withdraw a request", status_code=OK, responses=_DECIDED)
    async def withdraw(
        self,
        *,
        principal: NamedDependency[Principal],
        uow: NamedDependency[AsyncSession],
        language: NamedDependency[Language],
        request_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Response[RequestOut]:
        """Take a request back while nobody has decided it. For whoever asked, and the member's IT."""
        request = await decisions.withdraw(uow, principal, request_id, if_match=if_match)
        return await _answer(uow, request, language)


async def _answer(session: AsyncSession, request: Request, language: NamedDependency[Language]) -> Response[RequestOut]:
    (view,) = await reading.views(session, [request])
    headers = {**language_headers(language), "ETag": etag(request.version)}
    return Response(request_out(view, language), headers=headers)
