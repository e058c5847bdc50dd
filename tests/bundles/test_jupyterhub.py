"""Hubs on real hosts, with a real Keycloak: who gets in, what runs there, and what is left in the end."""

import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from devkit.signin import Browser
from tests.bundles.instances import ROOT, Instance, make_instance
from tests.bundles.jupyterhub_scene import started
from tests.identity.realm_under_test import Organization, Person, RealmUnderTest
from tests.identity.realm_under_test import Server as Keycloak

from catalog.identity.keycloak.instance_clients import assign_roles

HOSTS = ("quebec-1", "vancouver-1")
FIRST_PORT = 19_100
TITLE = "Statistique 200 {{ 1 + 1 }} <b>"
ANNOUNCEMENT = "<script>alert(1)</script> & co"
TAKE_TOO_MUCH = """
taken = bytearray(900 * 2**20)
for place in range(0, len(taken), 4096):
    taken[place] = 1
print("had it")
"""
# Runs on the host, in the hub's own Python, with the hub's own settings.
FORGE = """
import asyncio, json, sys, time
import jwt
from coop_jupyterhub import CoopAuthenticator
from cryptography.hazmat.primitives.asymmetric import rsa
from tornado.web import HTTPError

settings = json.load(open(sys.argv[1]))
sso, endpoints = settings["sso"], settings["endpoints"]

def status(token, keys_url=endpoints["keys"]):
    authenticator = CoopAuthenticator(
        client_id=sso["client_id"], issuer=sso["issuer"], keys_url=keys_url, ca_file=settings["ca_file"],
        organization_ids=sso["organization_ids"], roles=sso["roles"], default_role=sso["default_role"],
    )
    try:
        return asyncio.run(authenticator.token_to_user({"id_token": token}))
    except HTTPError as error:
        return error.status_code

keys = CoopAuthenticator(keys_url=endpoints["keys"], ca_file=settings["ca_file"]).keys
real = next(key.key_id for key in keys.get_signing_keys() if key.algorithm_name == "RS256")
ours = rsa.generate_private_key(public_exponent=65537, key_size=2048)
now = int(time.time())
claims = {"iss": sso["issuer"], "aud": sso["client_id"], "sub": "s", "iat": now, "exp": now + 60}
claims["organization"] = {"birch": {"id": sso["organization_ids"][0]}}
forged = {
    "another key": jwt.encode(claims, ours, "RS256", {"kid": real}),
    "an unknown key": jwt.encode(claims, ours, "RS256", {"kid": "ours"}),
    "no key": jwt.encode(claims, None, "none", {"kid": real}),
    "the client's secret": jwt.encode(claims, sso["client_secret"], "HS256", {"kid": real}),
    "no token": "",
}
answers = {name: status(token) for name, token in forged.items()}
answers["keys out of reach"] = status(forged["another key"], "https://127.0.0.1:1/keys")
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
async def student(realm: RealmUnderTest, birch: Organization) -> Person:
    return await realm.person("demo.birch", birch)


@pytest.fixture(scope="module", params=HOSTS)
async def hub(request: pytest.FixtureRequest, realm: RealmUnderTest, birch: Organization) -> AsyncIterator[Instance]:
    made = await make_hub(realm, birch, request.param, f"hub-on-{request.param}", FIRST_PORT)
    try:
        played = await made.play("provision")
        assert played.status == 0, played.failed
        verified = await made.play("verify")
        assert verified.status == 0, verified.failed
        assert verified.result == {"version": played.result["version"], "answers": True, "anonymous": "sign-in"}
        yield made
    finally:
        await made.play("deprovision")


async def make_hub(
    realm: RealmUnderTest, organization: Organization, host: str, name: str, first_port: int
) -> Instance:
    parameters = {"title": TITLE, "announcement": ANNOUNCEMENT, "interface": "lab", "idle_minutes": 60}
    return await make_instance(
        "jupyterhub", realm, organization, host, name, parameters=parameters, language="fr", first_port=first_port
    )


def host_of(address: object) -> str | None:
    return urlsplit(str(address)).hostname


def test_whoever_has_not_signed_in_is_shown_the_sign_in(hub: Instance, browser: Browser, keycloak: Keycloak) -> None:
    page = browser.visit(hub.url).final
    assert page.status_code == 200
    assert host_of(page.url) == host_of(keycloak.url)


def test_a_person_runs_code_on_a_server_of_their_own(hub: Instance, browser: Browser, student: Person) -> None:
    server = started(hub, browser, student)
    code = "import numpy, os, pathlib; print(numpy.mean([1, 2, 6]), pathlib.Path.home(), os.getuid() != 0)"
    assert server.run(code) == ("idle", f"3.0 /var/lib/{hub.short}/{server.username} True\n")


def test_files_stay_when_a_server_is_started_again(hub: Instance, browser: Browser, student: Person) -> None:
    server = started(hub, browser, student)
    server.run("open('kept.txt', 'w').write('still here')")
    hub.on_host(f"systemctl restart {hub.short}-hub && systemctl stop {server.unit}")
    with Browser(hub.realm.server.ca_file) as later:
        assert started(hub, later, student).run("print(open('kept.txt').read())") == ("idle", "still here\n")


def test_a_kernel_that_takes_more_memory_than_its_share_ends_alone(
    hub: Instance, browser: Browser, student: Person
) -> None:
    server = started(hub, browser, student)
    assert server.run(TAKE_TOO_MUCH) == ("restarting", "")
    assert browser.http.get(f"{server.url}/api/status").status_code == 200
    limits = hub.on_host(f"systemctl show {server.unit} --property MemoryMax,CPUQuotaPerSecUSec,Slice,DynamicUser")
    assert set(limits.split()) == {
        f"MemoryMax={494 * 2**20}",
        "CPUQuotaPerSecUSec=1s",
        f"Slice={hub.short}.slice",
        "DynamicUser=yes",
    }


def test_code_reads_neither_the_hubs_secrets_nor_other_peoples_files(
    hub: Instance, browser: Browser, student: Person
) -> None:
    server = started(hub, browser, student)
    hub.on_host(f"mkdir -p -m 700 /srv/coop/{hub.short}/people/somebody-else")
    looked = (
        "import os\n"
        f"for path in ('/var/lib/coop/{hub.short}/hub/settings.json', '/srv/coop', '/etc/coop-catalog/tls/key.pem',"
        f" '/var/lib/private/{hub.short}/somebody-else', '/root'):\n"
        "    try:\n"
        "        os.listdir(path) if os.path.isdir(path) else open(path)\n"
        "        print('read', path)\n"
        "    except OSError:\n"
        "        pass\n"
        "print('looked')"
    )
    assert server.run(looked) == ("idle", "looked\n")


def test_what_people_typed_is_shown_as_text(hub: Instance, browser: Browser, student: Person) -> None:
    hub.visit(browser, student)
    page = browser.visit(f"{hub.url}/hub/home").final.text
    assert "Statistique 200 {{ 1 + 1 }} &lt;b&gt;" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page
    assert "<b>" not in page
    assert "<script>alert" not in page


def test_pages_and_notebooks_are_in_the_instances_language(hub: Instance, browser: Browser, student: Person) -> None:
    server = started(hub, browser, student)
    assert "Se déconnecter" in browser.visit(f"{hub.url}/hub/home").final.text
    settings = browser.http.get(f"{server.url}/lab/api/settings/@jupyterlab/translation-extension:plugin").json()
    assert settings["schema"]["properties"]["locale"]["default"] == "fr_FR"
    phrases = browser.http.get(f"{server.url}/lab/api/translations/fr_FR").json()["data"]
    assert phrases["jupyterlab"]["Close and Shut Down Notebook"] == ["Fermer et arrêter le notebook"]


def test_another_member_is_refused_by_keycloak(
    hub: Instance, browser: Browser, stranger: Person, keycloak: Keycloak
) -> None:
    page = hub.visit(browser, stranger).final
    assert page.status_code == 403
    assert host_of(page.url) == host_of(keycloak.url)


async def test_the_hub_refuses_another_member_whom_keycloak_lets_in(
    hub: Instance, browser: Browser, stranger: Person
) -> None:
    await hub.open_to_everybody()
    try:
        page = hub.visit(browser, stranger).final
    finally:
        await hub.close_again()
    assert page.status_code == 403
    assert host_of(page.url) == host_of(hub.url)
    assert "Ce service ne vous est pas ouvert" in page.text
    assert not [one for one in browser.http.cookies.jar if one.name == "jupyterhub-hub-login"]


def test_the_hub_takes_no_token_that_keycloak_did_not_sign(hub: Instance) -> None:
    programs = "/opt/coop/jupyterhub/" + hub.on_host(f"cat /opt/coop/jupyterhub/used-by/{hub.short}").strip()
    code = f"/var/lib/coop/{hub.short}/hub"
    python = f"PYTHONPATH={code} PYTHONDONTWRITEBYTECODE=1 {programs}/venv/bin/python"
    answers = json.loads(hub.on_host(f"{python} - {code}/settings.json <<'END'\n{FORGE}\nEND"))
    assert answers == {
        "another key": 403,
        "an unknown key": 403,
        "no key": 403,
        "the client's secret": 403,
        "no token": 403,
        "keys out of reach": 503,
    }


async def test_who_owns_the_hub_administers_it_as_long_as_they_have_the_role(
    hub: Instance, realm: RealmUnderTest, birch: Organization
) -> None:
    teacher = await realm.person("demo.teacher", birch)
    for roles, status in ((["owner"], 200), ([], 403)):
        await assign_roles(realm.people, hub.client.instance_id, {teacher.subject: roles})
        with Browser(hub.realm.server.ca_file) as browser:
            hub.visit(browser, teacher)
            assert browser.visit(f"{hub.url}/hub/admin").final.status_code == status, roles


def test_nobody_makes_tokens_that_outlast_a_session(hub: Instance, browser: Browser, student: Person) -> None:
    server = started(hub, browser, student)
    token = next(one.value for one in browser.http.cookies.jar if one.name == "_xsrf" and one.path == "/hub/")
    wanted = {"expires_in": 30 * 24 * 3600}
    address = f"{hub.url}/hub/api/users/{server.username}/tokens"
    answer = browser.http.post(address, json=wanted, headers={"X-XSRFToken": str(token)})
    assert answer.status_code == 400, answer.text


async def test_a_second_provision_changes_nothing_and_stops_nobody(
    hub: Instance, browser: Browser, student: Person
) -> None:
    unit = started(hub, browser, student).unit
    running = hub.on_host(f"systemctl show {unit} {hub.short}-hub {hub.short}-proxy --property MainPID")
    played = await hub.play("provision")
    assert (played.status, played.changed) == (0, [])
    assert played.result["changed_by_hand"] == []
    assert hub.on_host(f"systemctl show {unit} {hub.short}-hub {hub.short}-proxy --property MainPID") == running


async def test_a_hub_that_an_earlier_try_stopped_in_the_middle_runs_again(hub: Instance) -> None:
    hub.on_host(f"systemctl disable --quiet --now {hub.short}-hub.service; systemctl stop apache2")
    played = await hub.play("provision")
    assert played.changed == [
        "Start what doesn't run yet, now and at every boot; again what runs with older settings",
        "Bring into force what the web server was told",
    ]
    assert (await hub.play("verify")).status == 0


async def test_what_somebody_changed_by_hand_is_told_and_put_right(hub: Instance) -> None:
    code = f"/var/lib/coop/{hub.short}/hub"
    touched = [f"{code}/settings.json", f"{code}/templates/home.html"]
    hub.on_host("".join(f"echo >>{path};" for path in touched))
    mended = await hub.play("provision")
    assert sorted(mended.result["changed_by_hand"]) == touched
    again = await hub.play("provision")
    assert (again.changed, again.result["changed_by_hand"]) == ([], [])


async def test_two_hubs_stand_side_by_side(
    hub: Instance, realm: RealmUnderTest, birch: Organization, browser: Browser, student: Person
) -> None:
    other = await make_hub(realm, birch, hub.host, f"second-{hub.host}", FIRST_PORT + 10)
    try:
        assert (await other.play("provision")).status == 0
        assert (await other.play("verify")).status == 0
        here, there = started(hub, browser, student), started(other, browser, student)
        here.run("open('mine.txt', 'w').write('here')")
        assert there.run("import os; print(os.path.exists('mine.txt'))") == ("idle", "False\n")
        assert here.run("print(open('mine.txt').read())") == ("idle", "here\n")
    finally:
        removed = await other.play("deprovision")
    assert removed.result == {"removed": True}
    assert (await hub.play("verify")).status == 0


def test_hubs_that_are_set_up_at_once_share_one_building_and_take_nothing_away_from_each_other(hub: Instance) -> None:
    files = ROOT / "playbooks" / "tools" / "jupyterhub" / "files"
    folder = f"/root/building-{hub.short}"
    for name in ("build.sh", "prune.sh"):
        script = (files / name).read_text(encoding="utf-8")
        hub.on_host(f"mkdir -p {folder}/locks {folder}/programs/used-by; cat >{folder}/{name} <<'END'\n{script}END")
    empty = '{"name": "programs", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {}}'
    hub.on_host(f"cd {folder}/locks; touch requirements.lock; echo '{empty}' | tee package.json >package-lock.json")
    build = f"sh {folder}/build.sh {folder}/programs/new {folder}/programs/used-by"
    prune = f"sh {folder}/prune.sh {folder}/programs {folder}/programs/used-by third"
    try:
        told = hub.on_host(
            f"{build} first {folder}/locks & a=$!; {build} second {folder}/locks & b=$!; "
            f"while kill -0 $a 2>/dev/null; do {prune}; sleep 0.2; done; wait $a && wait $b && {prune} && echo both"
        )
        assert told.splitlines()[-1] == "both", told
        assert hub.on_host(f"ls {folder}/programs; ls {folder}/programs/new/venv/bin/python").split()[:2] == [
            "new",
            "used-by",
        ]
        hub.on_host(f"rm {folder}/programs/used-by/*; {prune}")
        assert hub.on_host(f"ls {folder}/programs 2>/dev/null || true") == "", (
            "what nobody is about to use is taken away"
        )
    finally:
        hub.on_host(f"rm -rf {folder}")


async def test_nothing_is_left_of_a_removed_hub(hub: Instance, browser: Browser, student: Person) -> None:
    started(hub, browser, student)
    removed = await hub.play("deprovision")
    assert (removed.status, removed.result) == (0, {"removed": True})
    left = (
        f"find / -xdev -path /proc -prune -o -name '*{hub.short}*' -print; "
        f"systemctl list-units --all --no-legend '*{hub.short}*'; grep {hub.short} /proc/mounts; "
        f"ss -Hltn | grep -E ':({FIRST_PORT}|{FIRST_PORT + 1}|{FIRST_PORT + 2}) '; true"
    )
    assert hub.on_host(left) == ""
    again = await hub.play("deprovision")
    assert (again.status, again.changed, again.result) == (0, [], {"removed": True})
