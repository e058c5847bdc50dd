"""Sites: where the co-op's hosts stand, and who attests it."""

import datetime as dt
import re
from collections.abc import Iterator

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.platform import audit
from catalog.platform.errors import FieldError, NotFound
from catalog.platform.i18n import Text
from catalog.platform.provinces import PROVINCES, UNKNOWN_PROVINCE
from catalog.platform.time_zones import ZONES
from catalog.sites.errors import SiteDiffers, SiteRefused
from catalog.sites.tables import Site

SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAXIMUM_SLUG = 40

_BAD_SLUG = Text(
    en="Lower-case letters, digits and single hyphens, at most 40.",
    fr="Des minuscules, des chiffres et des traits d’union isolés, au plus 40.",
)
_NOT_CANADA = Text(en="A site stands in Canada: CA.", fr="Un site se trouve au Canada : CA.")
_EMPTY = Text(en="This must say something.", fr="Il faut dire quelque chose ici.")
_BACKWARDS = Text(
    en="The attestation must end on the day that it begins, or later.",
    fr="L’attestation doit finir le jour où elle commence, ou plus tard.",
)
_RUN_OUT = Text(en="This attestation has run out.", fr="Cette attestation est échue.")
_NOT_THERE = Text(
    en="No place in this province keeps this time: one of {zones}.",
    fr="Aucun lieu de cette province ne suit cette heure : l’un de {zones}.",
)
_MAY_CHANGE = frozenset({"attested_by", "evidence", "attested_from", "attested_until", "time_zone"})
_NOT_BLANK = ("name_en", "name_fr", "city", "operator", "attested_by", "evidence")


class SiteSpec(msgspec.Struct, frozen=True):
    """What is said of a data centre. The attestation holds from its first to its last day, both included.

    `time_zone` is the IANA name of its clocks, where they are not those of most of its province.
    """

    slug: str
    name_en: str
    name_fr: str
    city: str
    province: str
    operator: str
    attested_by: str
    evidence: str
    attested_from: dt.date
    attested_until: dt.date
    country: str = "CA"
    time_zone: str | None = None


async def site_by_slug(session: AsyncSession, slug: str) -> Site:
    """Give a site. Raises `NotFound`."""
    found = await session.scalar(sa.select(Site).where(Site.slug == slug))
    if found is None:
        raise NotFound
    return found


async def add_site(session: AsyncSession, spec: SiteSpec, *, actor: str, today: dt.date) -> tuple[Site, bool]:
    """Write a site down; give it, and whether anything changed. The same again changes nothing.

    A later attestation of a known site replaces the earlier one, and so does another time zone. Raises `SiteRefused`
    for what can't stand, `SiteDiffers` where the slug is taken by a site of another place or operator.
    """
    wrong = tuple(_wrong(spec, today))
    if wrong:
        raise SiteRefused(fields=wrong)
    known = await session.scalar(sa.select(Site).where(Site.slug == spec.slug).with_for_update())
    said = msgspec.structs.asdict(spec)
    if known is None:
        site = Site(**said)
        session.add(site)
        await session.flush()
        audit.record(session, actor=actor, action="site.added", subject=("site", site.id), details=_told(spec))
        return site, True
    if spec.time_zone is None:
        del said["time_zone"]
    differing = {name for name, value in said.items() if getattr(known, name) != value}
    if not differing:
        return known, False
    fixed = differing - _MAY_CHANGE
    if fixed or spec.attested_until < known.attested_until:
        raise SiteDiffers(slug=spec.slug, differing=", ".join(sorted(fixed or differing)))
    for name in differing:
        setattr(known, name, said[name])
    await session.flush()
    audit.record(session, actor=actor, action="site.attested", subject=("site", known.id), details=_told(spec))
    return known, True


def _told(spec: SiteSpec) -> dict[str, str]:
    return {name: str(value) for name, value in msgspec.structs.asdict(spec).items() if value is not None}


def _wrong(spec: SiteSpec, today: dt.date) -> Iterator[FieldError]:
    if not SLUG.fullmatch(spec.slug) or len(spec.slug) > MAXIMUM_SLUG:
        yield FieldError("/slug", "wrong-pattern", _BAD_SLUG)
    if spec.province not in PROVINCES:
        yield FieldError("/province", "not-allowed", UNKNOWN_PROVINCE)
    if spec.country != "CA":
        yield FieldError("/country", "not-allowed", _NOT_CANADA)
    zones = ZONES.get(spec.province)
    if spec.time_zone is not None and zones is not None and spec.time_zone not in zones:
        yield FieldError("/time_zone", "not-allowed", _NOT_THERE.filled(zones=", ".join(zones)))
    for name in _NOT_BLANK:
        if not getattr(spec, name).strip():
            yield FieldError(f"/{name}", "required", _EMPTY)
    if spec.attested_until < spec.attested_from:
        yield FieldError("/attested_until", "not-allowed", _BACKWARDS)
    elif spec.attested_until < today:
        yield FieldError("/attested_until", "not-allowed", _RUN_OUT)
