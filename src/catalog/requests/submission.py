"""Asking for an instance: everything is checked, a place proposed, and the request written down for a decision."""

from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.identity.principals import Principal
from catalog.instances.reservations import is_taken
from catalog.instances.room import find_room
from catalog.instances.schemas import Owner
from catalog.members.service import domains_of
from catalog.members.tables import Member
from catalog.platform import audit
from catalog.platform.clock import now
from catalog.platform.errors import FieldError, Forbidden, InvalidInput
from catalog.platform.i18n import Language, Text
from catalog.platform.idempotency import Attempted, attempted, earlier, remember
from catalog.platform.ids import new_id
from catalog.requests import checking
from catalog.requests.names import RESERVED, default_names
from catalog.requests.privacy_rules import Warned, warnings_for
from catalog.requests.schemas import NewRequest
from catalog.requests.tables import Request
from catalog.sites.tables import Site
from catalog.tools.service import current_revision
from catalog.tools.tables import ToolRevision

_MAY_ASK: tuple[Literal["requester", "member-it"], ...] = ("requester", "member-it")

_UNKNOWN_MEMBER = Text(en="No member has this alias.", fr="Aucun membre n’a cet alias.")
_WHICH_MEMBER = Text(
    en="You can ask for several members: name the one that this is for.",
    fr="Vous pouvez demander pour plusieurs membres : indiquez celui dont il s’agit.",
)


class Circumstances(msgspec.Struct, frozen=True):
    """What a submission depends on besides who asks for what."""

    tools_domain: str
    language: Language


class Draft(msgspec.Struct, frozen=True):
    """A request that nothing is wrong with, and where its instance would stand; nothing of it is saved."""

    member: Member
    revision: ToolRevision
    plan: str
    parameters: dict[str, Any]
    hostname: str
    purpose: str
    owner: Owner
    ends: checking.Ends
    language: Language
    reference: str | None
    labels: dict[str, str]
    site: Site
    warnings: tuple[Warned, ...]


async def submit(
    session: AsyncSession,
    principal: Principal,
    asked: NewRequest,
    circumstances: Circumstances,
    *,
    idempotency_key: str | None = None,
) -> Request:
    """Write a request down for a decision, or give the one that the same POST made before.

    Raises what `draft` does, `IdempotencyKeyMalformed`, and `IdempotencyKeyReused` for a key that came with another
    body.
    """
    attempt: Attempted | None = None
    if idempotency_key is not None:
        attempt = attempted(principal.person_id, idempotency_key, "request", asked)
        known = await earlier(session, attempt)
        if known is not None:
            return await session.get_one(Request, known)
    drafted = await draft(session, principal, asked, circumstances)
    request = _request(drafted, principal.person_id)
    session.add(request)
    await session.flush()
    if attempt is not None:
        await remember(session, attempt, request.id, member_id=request.member_id)
    audit.record(
        session,
        actor=principal.actor,
        action="request.submitted",
        subject=("request", request.id),
        member_id=request.member_id,
        details={
            "tool": request.tool_slug,
            "revision": drafted.revision.number,
            "plan": request.plan,
            "hostname": request.hostname,
            "site": drafted.site.slug,
        },
    )
    await session.flush()
    return request


async def draft(session: AsyncSession, principal: Principal, asked: NewRequest, circumstances: Circumstances) -> Draft:
    """Check everything and propose a place, without saving anything.

    Raises `Forbidden`, `InvalidInput` with everything that is wrong, `NoRoom`.
    """
    member = await _member(session, principal, asked.member)
    revision = await current_revision(session, asked.tool)
    found, wrong_tool = checking.check_tool(asked, revision)
    parameters, wrong_parameters = checking.check_parameters(asked, revision)
    owner, wrong_owner = checking.check_owner(asked, principal, await domains_of(session, member.id))
    ends, wrong_end = checking.check_until(asked.until, now().date())
    wrong = [
        *wrong_tool,
        *wrong_parameters,
        *await _wrong_name(session, asked.name, circumstances),
        *checking.check_texts(asked),
        *wrong_owner,
        *wrong_end,
    ]
    if wrong or found is None or owner is None:
        raise InvalidInput(fields=tuple(wrong))
    proposal = await find_room(
        session, manifest=found.manifest, plan=found.plan, member_id=member.id, province=member.province
    )
    return Draft(
        member=member,
        revision=found.revision,
        plan=asked.plan,
        parameters=parameters,
        hostname=await _hostname(session, member, asked, circumstances),
        purpose=asked.purpose,
        owner=owner,
        ends=ends,
        language=asked.language or circumstances.language,
        reference=asked.reference,
        labels=asked.labels,
        site=proposal.site,
        warnings=warnings_for(member_province=member.province, site_province=proposal.site.province, on=now().date()),
    )


async def _member(session: AsyncSession, principal: Principal, alias: str | None) -> Member:
    """Find the member that is asked for. Raises `Forbidden`, `InvalidInput`."""
    own = [
        member_id for member_id in principal.member_roles if any(principal.has(role, member_id) for role in _MAY_ASK)
    ]
    if alias is None and len(own) > 1:
        raise InvalidInput(fields=(FieldError("/member", "required", _WHICH_MEMBER),))
    if alias is None and not own:
        raise Forbidden(role="requester")
    wanted = Member.id == own[0] if alias is None else Member.alias == alias
    member = await session.scalar(sa.select(Member).where(wanted))
    if member is None:
        raise InvalidInput(fields=(FieldError("/member", "unknown-member", _UNKNOWN_MEMBER),))
    if member.id not in own:
        raise Forbidden(role="requester")
    return member


async def _wrong_name(session: AsyncSession, name: str | None, circumstances: Circumstances) -> tuple[FieldError, ...]:
    if name is None:
        return ()
    taken = await is_taken(session, f"{name}.{circumstances.tools_domain}")
    return tuple(checking.check_name(name, taken=taken))


async def _hostname(session: AsyncSession, member: Member, asked: NewRequest, circumstances: Circumstances) -> str:
    """Give the chosen name, or the first default one that nobody has and that the member has not asked for yet."""
    if asked.name is not None:
        return f"{asked.name}.{circumstances.tools_domain}"
    # Two requests at once wait for each other here, so that they get two names.
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"names {member.id}", 0))))
    asked_for = set(
        await session.scalars(
            sa.select(Request.hostname).where(Request.member_id == member.id, Request.state == "submitted")
        )
    )
    for name in default_names(member.alias, asked.tool):
        hostname = f"{name}.{circumstances.tools_domain}"
        if name not in RESERVED and hostname not in asked_for and not await is_taken(session, hostname):
            return hostname
    raise AssertionError("default names never end")


def _request(drafted: Draft, person_id: UUID) -> Request:
    return Request(
        member_id=drafted.member.id,
        requested_by=person_id,
        tool_slug=drafted.revision.tool_slug,
        revision_id=drafted.revision.id,
        plan=drafted.plan,
        parameters=drafted.parameters,
        hostname=drafted.hostname,
        purpose=drafted.purpose,
        owner_name=drafted.owner.name,
        owner_email=drafted.owner.email,
        language=drafted.language,
        term=drafted.ends.term,
        ends_on=drafted.ends.day,
        reference=drafted.reference,
        labels=drafted.labels,
        site_id=drafted.site.id,
        warnings=[msgspec.to_builtins(warning) for warning in drafted.warnings],
        instance_id=new_id(),
        state="submitted",
        version=1,
    )
