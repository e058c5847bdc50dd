"""What the privacy law of the member's province asks for before an instance is used. Rules are data.

They warn and never block: a named person at the member decides. Gathered in November 2026 from public material, as a
lead for the co-op's counsel. A change of law is a further rule with its date, so that what was said stays explained.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Literal

import msgspec

from catalog.platform.i18n import Text
from catalog.platform.provinces import PROVINCES

Place = Literal["anywhere", "outside-province"]


class Rule(msgspec.Struct, frozen=True):
    """One duty: it is told to members of `province` from `since` to `until`, where the site stands at `place`."""

    code: str
    province: str
    place: Place
    statute: Text
    sections: tuple[str, ...]
    since: dt.date
    source: str
    detail: Text
    until: dt.date | None = None


class Warned(msgspec.Struct, frozen=True):
    """A warning as it is kept with the request, in both languages. `verified`: the law was looked up."""

    code: str
    level: Literal["warn"]
    jurisdiction: str
    verified: bool
    detail: Text
    statute: Text | None = None
    sections: tuple[str, ...] = ()
    in_force_since: dt.date | None = None
    source: str | None = None


_FIPPA_BC = Text(
    en="Freedom of Information and Protection of Privacy Act (R.S.B.C. 1996, c. 165)",
    fr="Freedom of Information and Protection of Privacy Act (R.S.B.C. 1996, ch. 165)",
)
_FIPPA_ON = Text(
    en="Freedom of Information and Protection of Privacy Act (R.S.O. 1990, c. F.31)",
    fr="Loi sur l’accès à l’information et la protection de la vie privée (L.R.O. 1990, chap. F.31)",
)
_ACCESS_QC = Text(
    en="Act respecting Access to documents held by public bodies and the Protection of personal information"
    " (Loi sur l’accès, CQLR c. A-2.1)",
    fr="Loi sur l’accès aux documents des organismes publics et sur la protection des renseignements personnels"
    " (Loi sur l’accès, RLRQ c. A-2.1)",
)
_POPA_AB = Text(
    en="Protection of Privacy Act (S.A. 2024, c. P-28.5)",
    fr="Protection of Privacy Act (S.A. 2024, ch. P-28.5)",
)
_PIIDPA_NS = Text(
    en="Personal Information International Disclosure Protection Act (S.N.S. 2006, c. 3)",
    fr="Personal Information International Disclosure Protection Act (S.N.S. 2006, ch. 3)",
)
_FOIPOP_NS = Text(
    en="Freedom of Information and Protection of Privacy Act (Bill 150, 2025)",
    fr="Freedom of Information and Protection of Privacy Act (projet de loi 150, 2025)",
)

RULES: tuple[Rule, ...] = (
    Rule(
        code="bc-pia",
        province="BC",
        place="anywhere",
        statute=_FIPPA_BC,
        sections=("69(5.3)",),
        since=dt.date(2021, 11, 25),
        source="https://www.bclaws.gov.bc.ca/civix/document/id/complete/statreg/96165_00",
        detail=Text(
            en="A privacy impact assessment is required for every new initiative and every significant change, before"
            " people begin to use it.",
            fr="Une évaluation des facteurs relatifs à la vie privée est exigée pour toute nouvelle initiative et tout"
            " changement important, avant que l’on commence à s’en servir.",
        ),
    ),
    Rule(
        code="on-pia",
        province="ON",
        place="anywhere",
        statute=_FIPPA_ON,
        sections=("38(3)",),
        since=dt.date(2025, 7, 1),
        source="https://www.ontario.ca/laws/statute/90f31",
        detail=Text(
            en="A written privacy impact assessment is required before personal information is collected.",
            fr="Une évaluation écrite de l’incidence sur la vie privée est exigée avant toute collecte de"
            " renseignements personnels.",
        ),
    ),
    Rule(
        code="qc-pia",
        province="QC",
        place="anywhere",
        statute=_ACCESS_QC,
        sections=("63.5",),
        since=dt.date(2023, 9, 22),
        source="https://www.legisquebec.gouv.qc.ca/fr/document/lc/A-2.1",
        detail=Text(
            en="A privacy impact assessment is required to acquire, develop or overhaul an information system that"
            " involves personal information.",
            fr="Une évaluation des facteurs relatifs à la vie privée est exigée pour acquérir, développer ou refondre"
            " un système d’information touchant des renseignements personnels.",
        ),
    ),
    Rule(
        code="qc-outside",
        province="QC",
        place="outside-province",
        statute=_ACCESS_QC,
        sections=("70.1", "63.5"),
        since=dt.date(2023, 9, 22),
        source="https://www.legisquebec.gouv.qc.ca/fr/document/lc/A-2.1",
        detail=Text(
            en="The proposed site is outside Québec. Section 70.1 of the Loi sur l’accès requires a privacy impact"
            " assessment and a written agreement before personal information is released outside Québec, elsewhere in"
            " Canada too.",
            fr="Le site proposé est hors du Québec. L’article 70.1 de la Loi sur l’accès exige une évaluation des"
            " facteurs relatifs à la vie privée et une entente écrite avant de communiquer des renseignements"
            " personnels à l’extérieur du Québec, même ailleurs au Canada.",
        ),
    ),
    Rule(
        code="ab-pia",
        province="AB",
        place="anywhere",
        statute=_POPA_AB,
        sections=("26",),
        since=dt.date(2025, 6, 11),
        source="https://www.canlii.org/en/ab/laws/stat/sa-2024-c-p-28.5/latest/",
        detail=Text(
            en="A privacy impact assessment is required in the cases that the regulations name; the commissioner’s"
            " template is mandatory for what is submitted.",
            fr="Une évaluation des facteurs relatifs à la vie privée est exigée dans les cas prévus par règlement; le"
            " modèle du commissariat est obligatoire pour ce qui lui est soumis.",
        ),
    ),
    Rule(
        code="ns-in-canada",
        province="NS",
        place="anywhere",
        statute=_PIIDPA_NS,
        sections=("5",),
        since=dt.date(2006, 11, 15),
        until=dt.date(2027, 3, 31),
        source="https://www.canlii.org/en/ns/laws/stat/sns-2006-c-3/latest/",
        detail=Text(
            en="Personal information must be stored in Canada and accessed from Canada. Every site of the co-op is in"
            " Canada; access from abroad stays the member’s to rule out.",
            fr="Les renseignements personnels doivent être conservés au Canada et consultés depuis le Canada. Tous les"
            " sites de la coopérative sont au Canada; il revient au membre d’exclure l’accès depuis l’étranger.",
        ),
    ),
    Rule(
        code="ns-pia",
        province="NS",
        place="anywhere",
        statute=_FOIPOP_NS,
        sections=(),
        since=dt.date(2027, 4, 1),
        source="https://nslegislature.ca/legc/bills/65th_1st/1st_read/b150.htm",
        detail=Text(
            en="A privacy impact assessment is required before a new activity that involves personal information"
            " begins; storage is in Canada by default.",
            fr="Une évaluation des facteurs relatifs à la vie privée est exigée avant toute nouvelle activité touchant"
            " des renseignements personnels; la conservation se fait en principe au Canada.",
        ),
    ),
)

_NOT_VERIFIED = Text(
    en="The co-op has not looked up which assessment the privacy law of {place} asks for. Ask the member’s privacy"
    " officer before people begin to use the tool.",
    fr="La coopérative n’a pas vérifié quelle évaluation exige la loi sur la vie privée ({place}). Consultez la"
    " personne responsable de la vie privée de l’établissement avant que l’on commence à se servir de l’outil.",
)


def warnings_for(*, member_province: str, site_province: str, on: dt.date) -> tuple[Warned, ...]:
    """List the duties of a member of `member_province` whose instance would stand in `site_province`, by the law `on`.

    A province whose law was not looked up gets a note that says so.
    """
    found = tuple(_told(rule) for rule in _applying(member_province, site_province, on))
    return found or (_unverified(member_province),)


def _applying(member_province: str, site_province: str, on: dt.date) -> Iterator[Rule]:
    outside = member_province != site_province
    for rule in RULES:
        in_force = rule.since <= on and (rule.until is None or on <= rule.until)
        if rule.province == member_province and in_force and (outside or rule.place == "anywhere"):
            yield rule


def _told(rule: Rule) -> Warned:
    return Warned(
        code=rule.code,
        level="warn",
        jurisdiction=rule.province,
        verified=True,
        detail=rule.detail,
        statute=rule.statute,
        sections=rule.sections,
        in_force_since=rule.since,
        source=rule.source,
    )


def _unverified(province: str) -> Warned:
    name = PROVINCES[province]
    detail = Text(en=_NOT_VERIFIED.en.format(place=name.en), fr=_NOT_VERIFIED.fr.format(place=name.fr))
    return Warned(code="not-verified", level="warn", jurisdiction=province, verified=False, detail=detail)
