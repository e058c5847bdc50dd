"""Writing requests for the API, in one language."""

import datetime as dt
from typing import cast

import msgspec

from catalog.instances.schemas import Owner, member_reference, site_place
from catalog.instances.terms import term
from catalog.platform.i18n import Language
from catalog.requests.lifecycle import DECIDED_BY, State
from catalog.requests.privacy_rules import Warned
from catalog.requests.reading import RequestView
from catalog.requests.schemas import (
    DecisionOut,
    DryRunOut,
    PersonOut,
    RequestLinks,
    RequestOut,
    RevisionOf,
    UntilOut,
    WarningOut,
)
from catalog.requests.submission import Draft


def dry_run_out(draft: Draft, language: Language) -> DryRunOut:
    """Write what a request would come to."""
    return DryRunOut(
        member=member_reference(draft.member, language),
        tool=draft.revision.tool_slug,
        revision=RevisionOf(draft.revision.number, draft.revision.version),
        plan=draft.plan,
        parameters=draft.parameters,
        hostname=draft.hostname,
        url=f"https://{draft.hostname}",
        purpose=draft.purpose,
        owner=draft.owner,
        until=_until(draft.ends.term, draft.ends.day, language),
        language=draft.language,
        reference=draft.reference,
        labels=draft.labels,
        site=site_place(draft.site, language),
        decided_by=DECIDED_BY,
        warnings=[_warning(warning, language) for warning in draft.warnings],
    )


def request_out(view: RequestView, language: Language) -> RequestOut:
    """Write a request."""
    request = view.request
    return RequestOut(
        id=request.id,
        state=cast("State", request.state),
        member=member_reference(view.member, language),
        tool=request.tool_slug,
        revision=RevisionOf(view.revision.number, view.revision.version),
        plan=request.plan,
        parameters=request.parameters,
        hostname=request.hostname,
        url=f"https://{request.hostname}",
        purpose=request.purpose,
        owner=Owner(request.owner_name, request.owner_email),
        until=_until(request.term, request.ends_on, language),
        language=request.language,
        reference=request.reference,
        labels=request.labels,
        site=site_place(view.site, language),
        decided_by=DECIDED_BY,
        warnings=[_warning(msgspec.convert(warning, Warned), language) for warning in request.warnings],
        instance_id=request.instance_id,
        run_id=request.run_id,
        requested_by=PersonOut(request.requested_by, view.requester.name if view.requester else None),
        decision=_decision(view),
        created_at=request.created_at,
        version=request.version,
        links=RequestLinks(
            self=f"/v1/requests/{request.id}",
            instance=None if request.run_id is None else f"/v1/instances/{request.instance_id}",
            run=None if request.run_id is None else f"/v1/runs/{request.run_id}",
            tool=f"/v1/tools/{request.tool_slug}",
        ),
    )


def _decision(view: RequestView) -> DecisionOut | None:
    decision = view.decision
    if decision is None:
        return None
    return DecisionOut(
        outcome=decision.outcome,
        reason=decision.reason,
        decided_at=decision.created_at,
        decided_by=PersonOut(decision.person_id, view.decider.name if view.decider else None),
    )


def _until(written: str | None, day: dt.date | None, language: Language) -> UntilOut | None:
    if day is None:
        return None
    named = None if written is None else term(written)
    return UntilOut(date=day, term=written, term_name=None if named is None else named.name.into(language))


def _warning(warning: Warned, language: Language) -> WarningOut:
    return WarningOut(
        code=warning.code,
        level=warning.level,
        jurisdiction=warning.jurisdiction,
        verified=warning.verified,
        statute=None if warning.statute is None else warning.statute.into(language),
        sections=warning.sections,
        in_force_since=warning.in_force_since,
        source=warning.source,
        detail=warning.detail.into(language),
    )
