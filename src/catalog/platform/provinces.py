"""Canada's provinces and territories, by their postal codes (ISO 3166-2:CA without the prefix)."""

from collections.abc import Mapping

from catalog.platform.i18n import Text

PROVINCES: Mapping[str, Text] = {
    "AB": Text(en="Alberta", fr="Alberta"),
    "BC": Text(en="British Columbia", fr="Colombie-Britannique"),
    "MB": Text(en="Manitoba", fr="Manitoba"),
    "NB": Text(en="New Brunswick", fr="Nouveau-Brunswick"),
    "NL": Text(en="Newfoundland and Labrador", fr="Terre-Neuve-et-Labrador"),
    "NS": Text(en="Nova Scotia", fr="Nouvelle-Écosse"),
    "NT": Text(en="Northwest Territories", fr="Territoires du Nord-Ouest"),
    "NU": Text(en="Nunavut", fr="Nunavut"),
    "ON": Text(en="Ontario", fr="Ontario"),
    "PE": Text(en="Prince Edward Island", fr="Île-du-Prince-Édouard"),
    "QC": Text(en="Quebec", fr="Québec"),
    "SK": Text(en="Saskatchewan", fr="Saskatchewan"),
    "YT": Text(en="Yukon", fr="Yukon"),
}

UNKNOWN_PROVINCE = Text(
    en=f"One of {', '.join(PROVINCES)}.",
    fr=f"L’un de {', '.join(PROVINCES)}.",
)
