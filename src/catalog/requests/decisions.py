"""Deciding requests, and taking them back. Each is one transaction under the request's locked row."""

from typing import cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.instances.reservations import Reservation, reserve
from catalog.instances.tables import Instance
from catalog.members.service import member_by_id
from catalog.platform import audit
from catalog.platform.errors import Forbidden, InvalidInput, NotFound, VersionRequired
from catalog.platform.http.conditional import require_match
from catalog.platform.typed import wrong_text
from catalog.requests.errors import OwnRequest, RequestNotOpen, RevisionWithdrawn
from catalog.requests.lifecycle import DECIDED_BY, Move, State, after
from catalog.requests.reading import visible_request
from catalog.requests.tables import Decision, Request
from catalog.runs.service import start_instance_run
from catalog.tools.manifest import manifest_of
from catalog.tools.tables import ToolRevision


async def approve(session: AsyncSession, principal: Principal, request_id: UUID, *, if_match: str | None) -> Request:
    """Approve: the decision, the place, the name, the ports and the run, all or nothing.

    Raises `NotFound`, `Forbidden`, `OwnRequest`, `VersionRequired`, `Stale`, and as conflicts `RequestNotOpen`,
    `RevisionWithdrawn`, `SiteFull`, `HostnameTaken`.
    """
    request, state = await _open_for_decision(session, principal, request_id, "approve", if_match)
    instance = await _reserved(session, request)
    run = await start_instance_run(session, instance, "provision", requested_by=principal.actor, request_id=request.id)
    request.run_id = run.id
    _move(request, state)
    _decide(session, principal, request, "approved", None)
    _record(session, principal, request, "request.approved", {"instance_id": str(instance.id), "run_id": str(run.id)})
    await session.flush()
    return request


async def decline(
    session: AsyncSession, principal: Principal, request_id: UUID, *, reason: str, if_match: str | None
) -> Request:
    """Decline, with a reason. Raises as `approve` does, apart from the conflicts about places, and `InvalidInput`."""
    wrong = tuple(wrong_text("/reason", reason, several_lines=True))
    request, state = await _open_for_decision(session, principal, request_id, "decline", if_match)
    if wrong:
        raise InvalidInput(fields=wrong)
    _move(request, state)
    _decide(session, principal, request, "declined", reason)
    _record(session, principal, request, "request.declined", {})
    await session.flush()
    return request


async def withdraw(session: AsyncSession, principal: Principal, request_id: UUID, *, if_match: str | None) -> Request:
    """Take a request back: for whoever asked, and the member's IT.

    Raises `NotFound`, `Forbidden`, `VersionRequired`, `Stale`, `RequestNotOpen`.
    """
    request = await visible_request(session, principal, request_id, for_update=True)
    if request.requested_by != principal.person_id:
        principal.require("member-it", request.member_id)
    state = _allowed(request, "withdraw", if_match)
    _move(request, state)
    _record(session, principal, request, "request.withdrawn", {})
    await session.flush()
    return request


async def _open_for_decision(
    session: AsyncSession, principal: Principal, request_id: UUID, move: Move, if_match: str | None
) -> tuple[Request, State]:
    request = await visible_request(session, principal, request_id, for_update=True)
    if not any(principal.has(role) for role in DECIDED_BY):
        raise Forbidden(role=DECIDED_BY[0])
    if request.requested_by == principal.person_id:
        raise OwnRequest
    return request, _allowed(request, move, if_match)


def _allowed(request: Request, move: Move, if_match: str | None) -> State:
    """Give the state that the move leads to. Whoever came second is told what it is by now, rather than a version."""
    if if_match is None:
        raise VersionRequired
    current = cast("State", request.state)
    state = after(move, current)
    if state is None:
        raise RequestNotOpen(current)
    require_match(if_match, request.version)
    return state


async def _reserved(session: AsyncSession, request: Request) -> Instance:
    """Reserve what the request was shown: this revision, at this site."""
    # Shared until the commit, so that nobody withdraws the revision meanwhile.
    revision = await session.get(ToolRevision, request.revision_id, with_for_update={"read": True})
    if revision is None:
        raise NotFound
    if revision.state == "withdrawn":
        raise RevisionWithdrawn(tool=request.tool_slug, number=revision.number)
    manifest = manifest_of(revision)
    plan = manifest.plan(request.plan)
    if plan is None:
        raise NotFound
    member = await member_by_id(session, request.member_id)
    return await reserve(
        session,
        Reservation(
            instance_id=request.instance_id,
            member_id=member.id,
            province=member.province,
            site_id=request.site_id,
            revision_id=revision.id,
            manifest=manifest,
            plan=plan,
            parameters=request.parameters,
            hostname=request.hostname,
            purpose=request.purpose,
            owner_name=request.owner_name,
            owner_email=request.owner_email,
            language=request.language,
            ends_on=request.ends_on,
            reference=request.reference,
            labels=request.labels,
        ),
    )


def _move(request: Request, state: State) -> None:
    request.state = state
    request.version += 1


def _decide(session: AsyncSession, principal: Principal, request: Request, outcome: str, reason: str | None) -> None:
    session.add(
        Decision(
            member_id=request.member_id,
            request_id=request.id,
            person_id=principal.person_id,
            outcome=outcome,
            reason=reason,
        )
    )


def _record(
    session: AsyncSession, principal: Principal, request: Request, action: str, details: dict[str, str]
) -> None:
    audit.record(
        session,
        actor=principal.actor,
        action=action,
        subject=("request", request.id),
        member_id=request.member_id,
        details=details,
    )
