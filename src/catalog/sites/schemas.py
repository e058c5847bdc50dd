"""What the API gives out of sites."""

import datetime as dt
from uuid import UUID

import msgspec

from catalog.platform.i18n import Language, Text
from catalog.sites.tables import Site


class SiteOut(msgspec.Struct, frozen=True):
    """A data centre. `name` is in the asked language, `names` in both; `attested_until` is the last day, included.

    `time_zone` is the IANA name of its clocks.
    """

    id: UUID
    slug: str
    name: str
    names: Text
    city: str
    province: str
    operator: str
    time_zone: str
    attested_until: dt.date


def site_out(site: Site, language: Language) -> SiteOut:
    """Write a site for the API."""
    names = Text(en=site.name_en, fr=site.name_fr)
    return SiteOut(
        id=site.id,
        slug=site.slug,
        name=names.into(language),
        names=names,
        city=site.city,
        province=site.province,
        operator=site.operator,
        time_zone=site.zone.key,
        attested_until=site.attested_until,
    )
