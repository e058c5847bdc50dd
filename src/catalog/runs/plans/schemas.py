"""What a plan is asked for with, and how what was compared is given out."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from catalog.platform.i18n import Language, Text
from catalog.runs.comparison import Comparison, HostComparison, SignOnDifference
from catalog.runs.plans.desired import Planned

_TITLES: Mapping[str, Text] = {
    "client-missing": Text(en="The client is missing", fr="Le client est absent"),
    "client-setting": Text(en="A setting differs", fr="Un paramètre diffère"),
    "client-mapper": Text(en="What tokens say differs", fr="Le contenu des jetons diffère"),
    "client-scope": Text(en="What tokens may say differs", fr="Le contenu permis des jetons diffère"),
    "client-role": Text(en="A role differs", fr="Un rôle diffère"),
    "client-secret": Text(en="The client’s secret differs", fr="Le secret du client diffère"),
}


class PlanIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which action, with what."""

    action: Annotated[Planned, Meta(description="What would be started.")]
    parameters: (
        Annotated[
            dict[str, Any],
            Meta(description="Laid over those that are desired now. For an update; an upgrade may need some, too."),
        ]
        | None
    ) = None
    revision: (
        Annotated[int, Meta(ge=1, le=2**31 - 1, description="For an upgrade; by default the tool’s current revision.")]
        | None
    ) = None


class SignOnDifferenceOut(SignOnDifference, frozen=True):
    """One thing of the instance's client in Keycloak that differs.

    `code`: `client-missing`, `client-setting`, `client-mapper`, `client-scope`, `client-role` or `client-secret` (what
    it is, is not told). `name` is what Keycloak calls it; `found` and `wanted` are null where there is no such thing.
    """

    title: str


class ComparisonOut(msgspec.Struct, frozen=True):
    """How Keycloak and the host differ from what the run compared them with.

    For a plan, that is what the action `of` would bring the instance to: all that is listed would be changed. For a
    verify (`of` is null), it is what was last set up: all that is listed is drift. `revision_id` and `parameters` are
    what was compared with. `sign_on` and `host` are null until their step is done; a list without entries: all is as it
    should be.
    """

    of: str | None
    revision_id: str
    parameters: dict[str, Any]
    sign_on: list[SignOnDifferenceOut] | None
    host: HostComparison | None


def comparison_out(given: Mapping[str, Any], found: Comparison, language: Language) -> ComparisonOut:
    """Write what was found by a run with the input `given`, in one language."""
    return ComparisonOut(
        of=given.get("of"),
        revision_id=given["revision_id"],
        parameters=given["parameters"],
        sign_on=None if found.sign_on is None else [_difference(one, language) for one in found.sign_on],
        host=found.host,
    )


def _difference(one: SignOnDifference, language: Language) -> SignOnDifferenceOut:
    return SignOnDifferenceOut(one.code, one.name, one.found, one.wanted, _TITLES[one.code].into(language))
