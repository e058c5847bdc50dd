"""The operators' commands: each writes down once, says what it did, and refuses in words."""

from collections.abc import Callable

import pytest
import typer
from tests.support.world import PLAYBOOKS, made_up_ror
from typer.testing import CliRunner, Result

from catalog.admin.members import member_app
from catalog.admin.people import person_app
from catalog.admin.sites import site_app
from catalog.admin.tools import tools_app
from catalog.platform.errors import CatalogError
from catalog.tools.errors import RevisionWasWithdrawn

ISSUER = "https://signon.example/realms/coop"
MEMBER = [
    "add",
    "--alias=birch",
    "--province=BC",
    "--domain=birch.example",
    "--domain=students.birch.example",
    f"--ror=https://ror.org/{made_up_ror(7)}",
    "--name-en=Birch",
    "--name-fr=Bouleau",
]
SITE = [
    "add",
    "vancouver",
    "--name-en=Vancouver",
    "--name-fr=Vancouver",
    "--city=Vancouver",
    "--province=BC",
    "--operator=Us",
    "--attested-by=Auditor",
    "--evidence=https://e.example",
    "--from=2026-01-01",
    "--until=2099-01-01",
]

Run = Callable[..., Result]


@pytest.fixture
def run(owner_url: str) -> Run:
    runner = CliRunner(
        env={"DATABASE_URL": owner_url, "CATALOG_BUNDLES_DIR": str(PLAYBOOKS), "CATALOG_OIDC_ISSUER": ISSUER}
    )

    def ran(app: typer.Typer, *arguments: str) -> Result:
        return runner.invoke(app, arguments)

    return ran


def refusal(result: Result) -> CatalogError:
    assert isinstance(result.exception, CatalogError), result.output
    return result.exception


def test_a_member_is_added_once_and_listed(run: Run) -> None:
    first = run(member_app, *MEMBER)
    assert first.exit_code == 0, first.output
    assert first.output == "birch: written down; its sign-on is being made\n"
    assert run(member_app, *MEMBER).output == "birch: unchanged\n"
    (line,) = run(member_app, "list").output.splitlines()
    assert line.split("\t") == [
        "birch",
        made_up_ror(7),
        "BC",
        "Birch",
        "birch.example, students.birch.example",
        "sign-on not made yet",
    ]


def test_a_ror_id_whose_check_digits_are_wrong_is_refused(run: Run) -> None:
    wrong = [part.replace(made_up_ror(7), made_up_ror(7)[:-2] + "00") for part in MEMBER]
    (field,) = refusal(run(member_app, *wrong)).fields
    assert (field.pointer, field.code) == ("/ror", "wrong-pattern")


def test_an_alias_is_one_members_alone(run: Run) -> None:
    run(member_app, *MEMBER)
    other = [part.replace(made_up_ror(7), made_up_ror(8)) for part in MEMBER]
    assert refusal(run(member_app, *other)).code == "member-differs"


def test_an_email_domain_is_one_members_alone(run: Run) -> None:
    run(member_app, *MEMBER)
    other = [part.replace(made_up_ror(7), made_up_ror(8)) for part in MEMBER]
    other[other.index("--alias=birch")] = "--alias=cedar"
    assert refusal(run(member_app, *other)).code == "domain-taken"


def test_a_role_is_granted_once_and_revoked_once(run: Run) -> None:
    run(member_app, *MEMBER)
    grant = ("grant", "requester", "--subject", "ada", "--name", "Ada", "--member", "birch")
    assert run(person_app, *grant).output == "requester: granted\n"
    assert run(person_app, *grant).output == "requester: held before\n"
    assert "Ada" in run(person_app, "list").output
    revoke = ("revoke", "requester", "--subject", "ada", "--member", "birch")
    assert run(person_app, *revoke).output == "requester: revoked\n"
    assert run(person_app, *revoke).output == "requester: was not held\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("grant", "operator", "--subject", "a", "--name", "A", "--member", "birch"), "role-refused"),
        (("grant", "requester", "--subject", "a", "--name", "A"), "role-refused"),
        (("grant", "king", "--subject", "a", "--name", "A"), "role-refused"),
        (("grant", "requester", "--subject", "a", "--name", "A", "--member", "nobody"), "unknown-member"),
        (("revoke", "operator", "--subject", "nobody"), "unknown-person"),
    ],
)
def test_a_role_that_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], code: str) -> None:
    run(member_app, *MEMBER)
    assert refusal(run(person_app, *arguments)).code == code


def test_a_site_is_added_once_and_attested_anew(run: Run) -> None:
    assert run(site_app, *SITE).output == "vancouver: written down\n"
    assert run(site_app, *SITE).output == "vancouver: unchanged\n"
    later = [part.replace("2099", "2100") for part in SITE]
    assert run(site_app, *later).output == "vancouver: written down\n"
    assert "2100-01-01" in run(site_app, "list").output
    assert refusal(run(site_app, *SITE)).code == "site-differs"


def test_a_site_lives_by_the_clocks_of_its_province_or_by_others_that_are_kept_there(run: Run) -> None:
    run(site_app, *SITE)
    assert "\tAmerica/Vancouver\t" in run(site_app, "list").output
    elsewhere = (*SITE, "--time-zone", "America/Dawson_Creek")
    assert run(site_app, *elsewhere).output == "vancouver: written down\n"
    assert run(site_app, *SITE).output == "vancouver: unchanged\n"
    assert "\tAmerica/Dawson_Creek\t" in run(site_app, "list").output
    (field,) = refusal(run(site_app, *SITE, "--time-zone", "America/Toronto")).fields
    assert (field.pointer, field.code) == ("/time_zone", "not-allowed")


def test_a_site_outside_canada_or_with_an_attestation_that_ran_out_is_refused(run: Run) -> None:
    abroad = refusal(run(site_app, *SITE, "--country", "US"))
    assert [field.pointer for field in abroad.fields] == ["/country"]
    past = refusal(run(site_app, *[part.replace("2099", "2026") for part in SITE]))
    assert [field.pointer for field in past.fields] == ["/attested_until"]


def test_tools_are_published_listed_and_withdrawn(run: Run) -> None:
    assert run(tools_app, "publish", "--all").output == "notes: revision 1 (published)\n"
    assert run(tools_app, "publish", "notes").output == "notes: revision 1 (unchanged)\n"
    (line,) = run(tools_app, "list").output.splitlines()
    assert line.startswith("notes\t1\t1.0.0\t")
    assert run(tools_app, "withdraw", "notes", "1").output == "notes: revision 1 is withdrawn\n"
    assert run(tools_app, "withdraw", "notes", "1").output == "notes: revision 1 was withdrawn before\n"
    assert isinstance(run(tools_app, "publish", "notes").exception, RevisionWasWithdrawn)


def test_publishing_all_or_none(run: Run) -> None:
    assert refusal(run(tools_app, "publish", "notes", "nothing")).code == "bundle-refused"
    assert run(tools_app, "list").output == ""
