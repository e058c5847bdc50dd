"""Everything that can be wrong with a request, told at once, each with its pointer into the body."""

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from catalog.identity.principals import Principal
from catalog.instances.errors import HOSTNAME_TAKEN
from catalog.instances.schemas import Owner
from catalog.instances.terms import LONGEST_YEARS, latest_end, term
from catalog.platform.errors import FieldError
from catalog.platform.i18n import Text
from catalog.platform.json_schema import escaped
from catalog.platform.typed import email_domain, wrong_characters, wrong_text
from catalog.requests import names
from catalog.requests.schemas import NewRequest, UntilIn
from catalog.tools.manifest import Manifest, Plan, manifest_of
from catalog.tools.parameters import validate_parameters
from catalog.tools.tables import ToolRevision

_UNKNOWN_TOOL = Text(
    en="There is no such tool, or it can’t be requested at the moment.",
    fr="Cet outil n’existe pas, ou ne peut être demandé en ce moment.",
)
_UNKNOWN_PLAN = Text(en="This tool has these plans: {plans}.", fr="Cet outil a ces plans : {plans}.")
_BAD_NAME = Text(
    en=f"Lower-case letters, digits and single hyphens between them, {names.SHORTEST} to {names.LONGEST} characters.",
    fr=f"Des minuscules, des chiffres et des traits d’union isolés entre eux, de {names.SHORTEST} à {names.LONGEST}"
    " caractères.",
)
_RESERVED = Text(
    en="The co-op keeps this name for itself. Choose another one.",
    fr="La coopérative se réserve ce nom. Choisissez-en un autre.",
)
_NO_ADDRESS = Text(en="This is no e-mail address.", fr="Ce n’est pas une adresse de courriel.")
_OTHER_DOMAIN = Text(
    en="The owner’s address must be in one of the member’s e-mail domains: {domains}.",
    fr="L’adresse du responsable doit appartenir à l’un des domaines de courriel du membre : {domains}.",
)
_NAME_AN_OWNER = Text(
    en="Name an owner: your own account has no address in one of the member’s e-mail domains ({domains}).",
    fr="Nommez un responsable : votre compte n’a pas d’adresse dans l’un des domaines de courriel du membre"
    " ({domains}).",
)
_ONE_OF_TWO = Text(
    en="Name a term or a date, one of the two; null for open-ended.",
    fr="Indiquez un trimestre ou une date, l’un des deux; null pour une durée indéterminée.",
)
_NO_TERM = Text(
    en="A term is written as 2027-winter, 2027-summer or 2027-fall.",
    fr="Un trimestre s’écrit 2027-winter, 2027-summer ou 2027-fall.",
)
_PAST = Text(en="This day, {day}, has passed.", fr="Ce jour, le {day}, est passé.")
_TOO_FAR = Text(
    en=f"At most {LONGEST_YEARS} years from today: {{day}}.",
    fr=f"Au plus {LONGEST_YEARS} ans à partir d’aujourd’hui : {{day}}.",
)


class Found(msgspec.Struct, frozen=True):
    """What was found out about a tool: its current revision, what that declares, and the plan that was named."""

    revision: ToolRevision
    manifest: Manifest
    plan: Plan


class Ends(msgspec.Struct, frozen=True):
    """Until when, with the term that was named; both empty for open-ended."""

    term: str | None = None
    day: dt.date | None = None


def check_tool(asked: NewRequest, revision: ToolRevision | None) -> tuple[Found | None, tuple[FieldError, ...]]:
    """Find the plan in the tool's current revision."""
    if revision is None:
        return None, (FieldError("/tool", "unknown-tool", _UNKNOWN_TOOL),)
    manifest = manifest_of(revision)
    plan = manifest.plan(asked.plan)
    if plan is None:
        plans = ", ".join(plan.slug for plan in manifest.plans)
        return None, (FieldError("/plan", "unknown-plan", _UNKNOWN_PLAN.filled(plans=plans)),)
    return Found(revision, manifest, plan), ()


def check_parameters(asked: NewRequest, revision: ToolRevision | None) -> tuple[dict[str, Any], tuple[FieldError, ...]]:
    """Fill defaults in and check by the revision's schema; without a revision there is nothing to check by."""
    if revision is None:
        return {}, ()
    return validate_parameters(revision.parameters_schema, asked.parameters, pointer="/parameters")


def check_texts(asked: NewRequest) -> Iterator[FieldError]:
    """Look through everything that is free text."""
    yield from wrong_text("/purpose", asked.purpose, several_lines=True)
    if asked.reference is not None:
        yield from wrong_characters("/reference", asked.reference)
    for key, value in asked.labels.items():
        yield from wrong_characters(f"/labels/{escaped(key)}", key)
        yield from wrong_characters(f"/labels/{escaped(key)}", value)


def check_name(name: str, *, taken: bool) -> Iterator[FieldError]:
    """Check a name that was chosen; `taken`: an instance holds it, or it rests."""
    if not names.is_name(name):
        yield FieldError("/name", "wrong-pattern", _BAD_NAME)
    elif name in names.RESERVED:
        yield FieldError("/name", "name-reserved", _RESERVED)
    elif taken:
        yield FieldError("/name", "hostname-taken", HOSTNAME_TAKEN)


def check_owner(
    asked: NewRequest, principal: Principal, domains: Collection[str]
) -> tuple[Owner | None, tuple[FieldError, ...]]:
    """Settle who answers for the instance: whoever is named, or whoever asks."""
    told = ", ".join(sorted(domains))
    if asked.owner is None:
        if principal.email is None or email_domain(principal.email) not in domains:
            return None, (FieldError("/owner", "required", _NAME_AN_OWNER.filled(domains=told)),)
        return Owner(principal.name, principal.email), ()
    wrong = list(wrong_text("/owner/name", asked.owner.name))
    domain = email_domain(asked.owner.email)
    if domain is None:
        wrong.append(FieldError("/owner/email", "wrong-format", _NO_ADDRESS))
    elif domain not in domains:
        wrong.append(FieldError("/owner/email", "not-a-domain-of-the-member", _OTHER_DOMAIN.filled(domains=told)))
    return Owner(asked.owner.name, asked.owner.email), tuple(wrong)


def check_until(until: UntilIn | None, today: dt.date) -> tuple[Ends, tuple[FieldError, ...]]:
    """Settle the last day."""
    if until is None:
        return Ends(), ()
    if (until.term is None) == (until.date is None):
        return Ends(), (FieldError("/until", "one-of-two", _ONE_OF_TWO),)
    if until.date is not None:
        return Ends(day=until.date), tuple(_out_of_range("/until/date", until.date, today))
    named = term(until.term or "")
    if named is None:
        return Ends(), (FieldError("/until/term", "wrong-pattern", _NO_TERM),)
    return Ends(until.term, named.last_day), tuple(_out_of_range("/until/term", named.last_day, today))


def _out_of_range(pointer: str, day: dt.date, today: dt.date) -> Iterator[FieldError]:
    latest = latest_end(today)
    if day < today:
        yield FieldError(pointer, "in-the-past", _PAST.filled(day=day))
    elif day > latest:
        yield FieldError(pointer, "too-far", _TOO_FAR.filled(day=latest))
