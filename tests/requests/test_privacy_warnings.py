"""What the privacy law of the member's province asks for is said with the request, in both languages."""

import datetime as dt

import pytest
import sqlalchemy as sa
from tests.conftest import ClientAs
from tests.support.coop import Coop, asked, wish

from catalog.platform.db.engine import Database
from catalog.platform.db.scope import OPERATOR
from catalog.platform.provinces import PROVINCES
from catalog.requests.privacy_rules import RULES, warnings_for
from catalog.sites.tables import Host

TODAY = dt.date(2026, 11, 24)


@pytest.fixture
async def room_only_in_bc(coop: Coop, database: Database) -> Coop:
    async with database.begin(OPERATOR) as session:
        await session.execute(sa.update(Host).where(Host.name == "quebec-1").values(state="cordoned"))
    return coop


async def test_a_quebec_member_with_room_only_in_bc_is_warned_in_french_with_the_statute(
    room_only_in_bc: Coop, client_as: ClientAs
) -> None:
    taken = await asked(client_as(room_only_in_bc.mia, language="fr"))
    assert taken["site"]["province"] == "BC"
    warning = next(warning for warning in taken["warnings"] if warning["code"] == "qc-outside")
    assert warning["level"] == "warn"
    assert warning["statute"] == (
        "Loi sur l’accès aux documents des organismes publics et sur la protection des renseignements personnels"
        " (Loi sur l’accès, RLRQ c. A-2.1)"
    )
    assert warning["sections"] == ["70.1", "63.5"]
    assert warning["detail"].startswith("Le site proposé est hors du Québec. L’article 70.1 de la Loi sur l’accès")
    assert warning["in_force_since"] == "2023-09-22"
    assert warning["source"].startswith("https://www.legisquebec.gouv.qc.ca/fr/")


async def test_a_dry_run_warns_before_anything_is_saved(room_only_in_bc: Coop, client_as: ClientAs) -> None:
    answer = await client_as(room_only_in_bc.mia, language="fr").post(
        "/v1/requests", params={"dry_run": "true"}, json=wish()
    )
    assert "qc-outside" in [warning["code"] for warning in answer.json()["warnings"]]


async def test_whoever_decides_reads_the_same_warning_in_their_language(
    room_only_in_bc: Coop, client_as: ClientAs
) -> None:
    taken = await asked(client_as(room_only_in_bc.mia, language="fr"))
    read = (await client_as(room_only_in_bc.olga).get(f"/v1/requests/{taken['id']}")).json()
    warning = next(warning for warning in read["warnings"] if warning["code"] == "qc-outside")
    assert warning["detail"].startswith("The proposed site is outside Québec. Section 70.1 of the Loi sur l’accès")


async def test_within_quebec_only_the_assessment_is_asked_for(coop: Coop, client_as: ClientAs) -> None:
    taken = await asked(client_as(coop.mia, language="fr"))
    assert [(warning["code"], warning["sections"]) for warning in taken["warnings"]] == [("qc-pia", ["63.5"])]


@pytest.mark.parametrize(
    ("province", "on", "codes"),
    [
        ("BC", TODAY, ["bc-pia"]),
        ("ON", TODAY, ["on-pia"]),
        ("ON", dt.date(2025, 6, 30), ["not-verified"]),
        ("AB", TODAY, ["ab-pia"]),
        ("NS", dt.date(2027, 3, 31), ["ns-in-canada"]),
        ("NS", dt.date(2027, 4, 1), ["ns-pia"]),
        ("MB", TODAY, ["not-verified"]),
    ],
)
def test_the_law_of_the_day_counts(province: str, on: dt.date, codes: list[str]) -> None:
    found = warnings_for(member_province=province, site_province=province, on=on)
    assert [warning.code for warning in found] == codes


@pytest.mark.parametrize("province", PROVINCES)
def test_a_province_whose_law_was_not_looked_up_says_so(province: str) -> None:
    for site_province in PROVINCES:
        for warning in warnings_for(member_province=province, site_province=site_province, on=TODAY):
            assert warning.verified == (warning.statute is not None)
            assert warning.detail.en != warning.detail.fr


def test_rules_about_a_province_never_apply_to_another() -> None:
    for rule in RULES:
        others = [name for name in PROVINCES if name != rule.province]
        for province in others:
            found = warnings_for(member_province=province, site_province=rule.province, on=TODAY)
            assert rule.code not in [warning.code for warning in found]
