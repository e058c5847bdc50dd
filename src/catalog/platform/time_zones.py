"""Canada's time zones, by the rules of the `tzdata` package.

Provinces change their clocks by law: British Columbia and Alberta ended the change of 2026, while the zone files of a
Debian release may still tell of it. The package is pinned with the others, so that every server and worker agrees.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

ZONES: Mapping[str, tuple[str, ...]] = {
    "AB": ("America/Edmonton",),
    "BC": ("America/Vancouver", "America/Edmonton", "America/Dawson_Creek", "America/Fort_Nelson", "America/Creston"),
    "MB": ("America/Winnipeg",),
    "NB": ("America/Moncton",),
    "NL": ("America/St_Johns", "America/Goose_Bay"),
    "NS": ("America/Halifax", "America/Glace_Bay"),
    "NT": ("America/Yellowknife", "America/Inuvik"),
    "NU": ("America/Iqaluit", "America/Rankin_Inlet", "America/Resolute", "America/Cambridge_Bay"),
    "ON": ("America/Toronto", "America/Winnipeg", "America/Rainy_River", "America/Atikokan"),
    "PE": ("America/Halifax",),
    "QC": ("America/Toronto", "America/Halifax", "America/Blanc-Sablon"),
    "SK": ("America/Regina", "America/Swift_Current", "America/Edmonton"),
    "YT": ("America/Whitehorse", "America/Dawson"),
}
"""The zones of each province; first the one where most of its people live."""


def default_zone(province: str) -> str:
    """Name the zone where most people of the province live."""
    return ZONES[province][0]


@cache
def zone(name: str) -> ZoneInfo:
    """Give the rules of a zone by its IANA name. Raises `FileNotFoundError` for an unknown one."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)
