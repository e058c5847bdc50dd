"""Wikis on real hosts, with a real Keycloak: who gets in, as what, and what is left in the end."""

from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from devkit.signin import Browser
from tests.bundles.instances import Instance, make_instance
from tests.bundles.wiki_scene import Visitor, header, signed_in_as
from tests.identity.realm_under_test import PASSWORD, Organization, Person, RealmUnderTest
from tests.identity.realm_under_test import Server as Keycloak

from catalog.identity.keycloak.instance_clients import assign_roles
from catalog.identity.keycloak.people import ensure_person
from catalog.identity.keycloak.specs import PersonSpec

MARK = "/tmp/coop-ran"  # noqa: S108 - a file that must never appear, in a place where anybody could make it
HOSTILE = f"""{{{{ lookup('pipe', 'touch {MARK}') }}}} {{% raw %}} $(touch {MARK}) `touch {MARK}`
${{HOME}} %{{HTTP_HOST}}
<?php touch('{MARK}'); ?> <script>alert(1)</script> "double" 'single' back\\slash \\n & &amp; é œ 書"""
TITLE = f"Histoire & <b>sources</b> {HOSTILE[:40]}"
PARAMETERS = {"title": TITLE, "tagline": HOSTILE, "welcome": f"Bienvenue\n\n{HOSTILE}", "licence": "cc-by-sa"}
PICTURE = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
NAMES = {"owner": ("Zoë", "Côté"), "editor": ("Nguyễn", "書"), "reader": ("Ada", "O'Neil Söhne")}


@dataclass(frozen=True)
class Course:
    """A wiki with its people, one of each role. The reader was given no role: it is the tool's default."""

    wiki: Instance
    owner: Person
    editor: Person
    reader: Person


@pytest.fixture(scope="module", params=["vancouver-1", "quebec-1"])
async def course(request: pytest.FixtureRequest, realm: RealmUnderTest, birch: Organization) -> AsyncIterator[Course]:
    host = request.param
    wiki = await make_instance("dokuwiki", realm, birch, host, f"wiki-on-{host}", parameters=PARAMETERS, language="fr")
    people = {role: await person(realm, birch, f"{role}.{host}", *names) for role, names in NAMES.items()}
    given = {people[role].subject: [role] for role in ("owner", "editor")}
    await assign_roles(realm.people, wiki.client.instance_id, given)
    try:
        provisioned = await wiki.play("provision")
        assert provisioned.status == 0, provisioned.failed
        verified = await wiki.play("verify")
        assert verified.status == 0, verified.failed
        assert verified.result == {"version": provisioned.result["version"], "answers": True, "anonymous": "sign-in"}
        yield Course(wiki, **people)
    finally:
        await wiki.play("deprovision")


async def person(
    realm: RealmUnderTest, organization: Organization, username: str, given_name: str, family_name: str
) -> Person:
    email = f"{username}@people.example"
    spec = PersonSpec(username, email, given_name, family_name, "fr", PASSWORD, (organization.id,))
    return Person(await ensure_person(realm.people, spec), username, email)


def test_whoever_has_not_signed_in_is_shown_the_sign_in(course: Course, browser: Browser, keycloak: Keycloak) -> None:
    for path in (
        "/",
        "/doku.php?id=start&do=edit",
        "/lib/exe/fetch.php?media=a.png",
        "/feed.php",
        "/lib/exe/xmlrpc.php",
    ):
        journey = browser.visit(f"{course.wiki.url}{path}")
        assert host_of(journey.final) == host_of(keycloak.url), path
        assert f"client_id=instance-{course.wiki.client.instance_id}" in str(journey.history[1].url)


def test_http_leads_to_https(course: Course, browser: Browser) -> None:
    answer = browser.http.get(course.wiki.url.replace("https:", "http:") + "/doku.php")
    assert (answer.status_code, answer.headers["location"]) == (301, f"{course.wiki.url}/doku.php")


def test_an_editor_writes_and_uploads_what_a_reader_reads(course: Course, keycloak: Keycloak, browser: Browser) -> None:
    editor = Visitor.signed_in(course.wiki, browser, course.editor)
    assert editor.write("cours:sources", "Écrit ensemble — 書").status_code == 302
    assert editor.upload("dot.png", PICTURE).json().get("success") is True
    with Browser(keycloak.ca_file) as another:
        reader = Visitor.signed_in(course.wiki, another, course.reader)
        assert reader.text("cours:sources").strip() == "Écrit ensemble — 書"
        assert reader.download("dot.png").content == PICTURE
        assert signed_in_as(reader.page()) == "Ada O'Neil Söhne"
    history = editor.page("cours:sources", do="revisions").text
    assert course.editor.username in history
    assert signed_in_as(editor.page()) == "Nguyễn 書"


def test_a_reader_changes_nothing(course: Course, browser: Browser) -> None:
    reader = Visitor.signed_in(course.wiki, browser, course.reader)
    assert not reader.may_edit("start")
    before = reader.text()
    reader.write("start", "mine now")
    reader.upload("mine.png", PICTURE)
    assert reader.text() == before
    assert reader.download("mine.png").status_code == 404
    assert "page=acl" not in reader.page(do="admin").text


def test_an_owner_says_who_may_do_what(course: Course, browser: Browser, keycloak: Keycloak) -> None:
    owner = Visitor.signed_in(course.wiki, browser, course.owner)
    page = owner.page(do="admin", page="acl")
    rule = {"acl_t": "__g__", "acl_w": "editor", "acl": "1", "ns": "archive", "cmd[save]": "1"}
    form = {"id": "start", "do": "admin", "page": "acl", "sectok": owner.token(page)} | rule
    owner.browser.http.post(f"{course.wiki.url}/doku.php", data=form)
    with Browser(keycloak.ca_file) as another:
        editor = Visitor.signed_in(course.wiki, another, course.editor)
        editor.write("archive:old", "changed")
        assert editor.text("archive:old").strip() != "changed"
        editor.write("recent:new", "changed")
        assert editor.text("recent:new").strip() == "changed"


def test_an_owner_cannot_loosen_what_the_co_op_has_set(course: Course, browser: Browser) -> None:
    owner = Visitor.signed_in(course.wiki, browser, course.owner)
    page = owner.page(do="admin", page="config")
    loosened = {"config[phpok]": "1", "config[htmlok]": "1", "config[superuser]": "@reader", "config[remote]": "1"}
    form = {"do": "admin", "page": "config", "save": "1", "sectok": owner.token(page)}
    owner.browser.http.post(f"{course.wiki.url}/doku.php", data=form | loosened)
    owner.write("try", f"<html><b id=ran></b></html><php>touch('{MARK}');</php>")
    assert "<b id=ran>" not in owner.page("try").text
    assert "plugin-manager" not in owner.page(do="admin", page="extension").text
    assert course.wiki.on_host(f"ls {MARK} 2>/dev/null || true") == ""


def test_what_people_typed_arrives_as_typed_and_runs_nowhere(course: Course, browser: Browser) -> None:
    reader = Visitor.signed_in(course.wiki, browser, course.reader)
    assert header(reader.page()) == (TITLE, HOSTILE)
    assert reader.text().rstrip() == f"====== {TITLE} ======\n\nBienvenue\n\n{HOSTILE}"
    assert "<script>alert" not in reader.page().text
    assert course.wiki.on_host(f"ls {MARK} 2>/dev/null || true") == ""


def test_the_wiki_speaks_the_language_that_was_asked_for(course: Course, browser: Browser) -> None:
    page = Visitor.signed_in(course.wiki, browser, course.reader).page()
    assert '<html lang="fr"' in page.text
    assert "Se déconnecter" in page.text
    assert "https://creativecommons.org/licenses/by-sa/4.0/" in page.text


def test_nothing_that_a_browser_sends_makes_somebody_else_of_it(course: Course, browser: Browser) -> None:
    reader = Visitor.signed_in(course.wiki, browser, course.reader)
    forged = {
        "OIDC_CLAIM_groups": "owner",
        "OIDC-CLAIM-groups": "owner",
        "OIDC_CLAIM_name": "Somebody Else",
        "Remote-User": course.owner.username,
        "X-Remote-User": course.owner.username,
        "X-Forwarded-User": course.owner.username,
        "Authorization": "Basic b3duZXI6b3duZXI=",
    }
    page = reader.browser.http.get(f"{course.wiki.url}/doku.php", params={"do": "admin", "u": "a"}, headers=forged)
    assert signed_in_as(page) == "Ada O'Neil Söhne"
    assert "page=acl" not in page.text


def test_forged_headers_do_not_replace_the_sign_in(course: Course, browser: Browser) -> None:
    forged = {"OIDC_CLAIM_groups": "owner", "REMOTE_USER": "owner", "OIDC_CLAIM_sub": "1", "Accept": "text/html"}
    answer = browser.http.get(f"{course.wiki.url}/doku.php?id=start", headers=forged)
    assert answer.status_code == 302
    assert host_of(httpx.URL(answer.headers["location"])) == host_of(course.wiki.realm.server.url)


def test_nobody_sees_what_others_do_on_the_host(course: Course, browser: Browser) -> None:
    owner = Visitor.signed_in(course.wiki, browser, course.owner)
    for path in ("/server-status", "/conf/local.php", "/data/pages/start.txt", "/inc/init.php", "/install.php"):
        assert owner.browser.http.get(f"{course.wiki.url}{path}").status_code in {403, 404}, path


def test_another_member_is_refused_by_keycloak(
    course: Course, browser: Browser, stranger: Person, keycloak: Keycloak
) -> None:
    page = course.wiki.visit(browser, stranger).final
    assert (page.status_code, host_of(page)) == (403, host_of(keycloak.url))


async def test_the_gateway_refuses_another_member_whom_keycloak_lets_in(
    course: Course, browser: Browser, stranger: Person
) -> None:
    await course.wiki.open_to_everybody()
    try:
        page = course.wiki.visit(browser, stranger).final
    finally:
        await course.wiki.close_again()
    assert (page.status_code, host_of(page)) == (403, host_of(course.wiki.url))
    assert "Ce service ne vous est pas ouvert" in page.text
    assert "This service is not open to you" in page.text
    assert "?logout=" in page.text


@pytest.mark.parametrize(
    ("claims", "opens"),
    [
        ({}, True),
        ({"iss": "https://elsewhere.example/realms/coop"}, False),
        ({"organization": '{"birch": {"id": "another"}}'}, False),
        ({"organization": '{"birch": {}}'}, False),
        ({"organization": "no json"}, False),
        ({"iss": "", "organization": ""}, False),
        ({"groups": "somebody-elses-role"}, True),
    ],
)
def test_the_wiki_itself_looks_at_issuer_and_organization_again(
    course: Course, birch: Organization, claims: dict[str, str], *, opens: bool
) -> None:
    right = {"iss": course.wiki.realm.issuer, "organization": f'{{"birch": {{"id": "{birch.id}"}}}}', "groups": ""}
    short = course.wiki.short
    environment = " ".join(f"OIDC_CLAIM_{name}='{value}'" for name, value in (right | claims).items())
    code = f"/var/lib/coop/{short}/wiki"
    said = course.wiki.on_host(
        f"runuser -u {short} -- env REMOTE_USER=somebody COOP_WIKI=/srv/coop/{short} {environment} "
        f"php -d auto_prepend_file={code}/prepend.php {code}/closed.php; echo $?"
    )
    assert said.split()[-1] == ("1" if opens else "0"), said


def test_whoever_signs_out_is_asked_to_sign_in_again(course: Course, browser: Browser, keycloak: Keycloak) -> None:
    reader = Visitor.signed_in(course.wiki, browser, course.reader)
    reader.sign_out()
    assert host_of(browser.visit(f"{course.wiki.url}/doku.php").final) == host_of(keycloak.url)


def test_the_processes_of_a_wiki_stay_within_its_plan_and_without_network(course: Course) -> None:
    plan = course.wiki.variables["instance"]["plan"]
    wanted = {"MemoryMax": plan["memory_mb"] * 2**20, "CPUQuotaPerSecUSec": f"{plan['cpu_percent'] * 10}ms"}
    unit = f"{course.wiki.short}-wiki.service"
    shown = course.wiki.on_host(f"systemctl show {unit} --property MemoryMax,CPUQuotaPerSecUSec,User").split()
    assert set(shown) == {f"User={course.wiki.short}", *(f"{name}={value}" for name, value in wanted.items())}
    families = course.wiki.on_host(f"systemctl show {unit} --property RestrictAddressFamilies --value").split()
    assert families == ["AF_UNIX"]


async def test_a_second_provision_changes_nothing_and_leaves_peoples_pages(course: Course, browser: Browser) -> None:
    editor = Visitor.signed_in(course.wiki, browser, course.editor)
    editor.write("start", "ours by now")
    before = fingerprint(course.wiki)
    played = await course.wiki.play("provision")
    assert (played.status, played.changed) == (0, []), played.failed
    assert played.result["changed_by_hand"] == []
    assert fingerprint(course.wiki) == before
    assert editor.text().strip() == "ours by now"


async def test_what_an_earlier_try_wrote_and_never_started_is_brought_into_force(course: Course) -> None:
    service = f"{course.wiki.short}-wiki.service"
    before = course.wiki.on_host(f"systemctl show --value --property MainPID {service}")
    course.wiki.on_host(f"touch {course.wiki.variables['paths']['state']}/fpm.conf /etc/apache2/sites-enabled/*.conf")
    played = await course.wiki.play("provision")
    assert played.changed == [
        "Start the wiki, again where it runs with older settings",
        "Bring into force what the web server was told",
    ]
    assert course.wiki.on_host(f"systemctl show --value --property MainPID {service}") != before
    assert (await course.wiki.play("provision")).changed == []


async def test_what_somebody_changed_by_hand_is_told_and_put_right(course: Course, browser: Browser) -> None:
    short = course.wiki.short
    settings, site = f"/srv/coop/{short}/settings.json", f"/etc/apache2/sites-enabled/{short}.conf"
    unit, code = f"/etc/systemd/system/{short}-wiki.service", f"/var/lib/coop/{short}/wiki/gateway.php"
    before = fingerprint(course.wiki)
    course.wiki.on_host(f"echo '{{}}' >{settings}; rm {code}; echo >>{unit}; echo >>{site}")
    mended = await course.wiki.play("provision")
    assert mended.status == 0, mended.failed
    assert sorted(mended.result["changed_by_hand"]) == sorted([settings, code, unit, site])
    assert fingerprint(course.wiki) == before
    again = await course.wiki.play("provision")
    assert (again.changed, again.result["changed_by_hand"]) == ([], [])
    Visitor.signed_in(course.wiki, browser, course.reader)


async def test_two_wikis_stand_side_by_side(
    course: Course, birch: Organization, browser: Browser, keycloak: Keycloak
) -> None:
    wiki, realm = course.wiki, course.wiki.realm
    parameters = {"title": "The other one", "tagline": "", "welcome": "", "licence": "none"}
    other = await make_instance("dokuwiki", realm, birch, wiki.host, f"other-{wiki.host}", parameters=parameters)
    try:
        assert (await other.play("provision")).status == 0
        assert (await other.play("verify")).status == 0
        editor = Visitor.signed_in(wiki, browser, course.editor)
        editor.write("secret:plan", "for this wiki alone")
        there = Visitor.signed_in(other, browser, course.editor)
        assert header(there.page())[0] == "The other one"
        assert not there.may_edit("start"), "a role holds for one wiki"
        assert there.text("secret:plan").strip() != "for this wiki alone"
        assert with_cookies_of(wiki, other, browser, keycloak).status_code == 302
        refused = other.on_host(f"runuser -u {other.short} -- ls /srv/coop/{wiki.short} 2>&1 || echo refused")
        assert refused.split()[-1] == "refused"
    finally:
        removed = await other.play("deprovision")
    assert removed.result == {"removed": True}
    assert (await wiki.play("verify")).status == 0


async def test_nothing_is_left_of_a_removed_wiki(course: Course, browser: Browser) -> None:
    wiki = course.wiki
    Visitor.signed_in(wiki, browser, course.reader)
    removed = await wiki.play("deprovision")
    assert (removed.status, removed.result) == (0, {"removed": True}), removed.failed
    left = (
        f"find / -xdev -path /proc -prune -o -name '*{wiki.short}*' -print; "
        f"systemctl list-units --all --no-legend '*{wiki.short}*'; "
        f"getent passwd {wiki.short}; getent group {wiki.short}; ls -d /tmp/systemd-private-*{wiki.short}*; true"
    )
    assert wiki.on_host(f"({left}) 2>/dev/null") == ""
    assert browser.http.get(f"{wiki.url}/doku.php").status_code == 404
    again = await wiki.play("deprovision")
    assert (again.status, again.changed, again.result) == (0, [], {"removed": True})


def host_of(where: httpx.Response | httpx.URL | str) -> str:
    return where.url.host if isinstance(where, httpx.Response) else httpx.URL(where).host


def fingerprint(wiki: Instance) -> str:
    """Give the checksums, owners and permissions of all that provisioning writes."""
    files = (
        f"/srv/coop/{wiki.short}/settings.json /srv/coop/{wiki.short}/conf/*.protected.php "
        f"/var/lib/coop/{wiki.short}/*.* /var/lib/coop/{wiki.short}/wiki/* "
        f"/etc/systemd/system/{wiki.short}-wiki.service "
        f"/etc/apache2/sites-enabled/{wiki.short}.conf /etc/apache2/sites-enabled/000-default.conf"
    )
    service = f"systemctl show {wiki.short}-wiki.service --property UnitFileState,DropInPaths,Environment"
    return wiki.on_host(f"sha256sum {files}; stat --format '%n %U %G %a' {files} /srv/coop/{wiki.short}/*; {service}")


def with_cookies_of(wiki: Instance, other: Instance, browser: Browser, keycloak: Keycloak) -> httpx.Response:
    """Show one wiki's session to another, under the name that the other one gives to its own."""
    own = [one for one in browser.http.cookies.jar if one.domain == host_of(wiki.url)]
    renamed = "; ".join(f"{one.name.replace(wiki.short, other.short)}={one.value}" for one in own)
    with Browser(keycloak.ca_file) as thief:
        return thief.http.get(f"{other.url}/doku.php", headers={"Cookie": renamed, "Accept": "text/html"})
