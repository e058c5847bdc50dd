"""A tool that is suspended: what visitors see, what is left running and untouched, and how it comes back or goes."""

import shlex
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html.parser import HTMLParser

import httpx
import pytest
from devkit.signin import Browser
from tests.bundles.instances import Instance, Played, make_instance
from tests.bundles.jupyterhub_scene import started
from tests.bundles.wiki_scene import Visitor
from tests.identity.realm_under_test import Organization, Person, RealmUnderTest
from tests.identity.realm_under_test import Server as Keycloak

from catalog.identity.keycloak.instance_clients import assign_roles

HOSTS = {"dokuwiki": "vancouver-1", "jupyterhub": "quebec-1"}
PARAMETERS = {
    "dokuwiki": {"title": "Notes", "tagline": "", "welcome": "", "licence": "none"},
    "jupyterhub": {"title": "Notes", "announcement": "", "interface": "lab", "idle_minutes": 60},
}
FIRST_PORT = 19_150
WRITTEN = "Écrit avant la suspension — 書"
RUNNING = {"dokuwiki": ["wiki"], "jupyterhub": ["hub", "jupyter", "proxy"]}
ADDRESSES = (
    "/",
    "/doku.php?id=start",
    "/oidc/callback?code=1&state=2",
    "/feed.php",
    "/hub/api/",
    "/hub/oauth_callback?code=1&state=2",
    "/user/somebody/api/status",
)
PEOPLE_OF_HUB = (
    "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT name, admin, created FROM users'))"
)


@dataclass(frozen=True)
class Suspended:
    """A tool that was in use when it was suspended: who used it with which browser, and what ran and stood there."""

    tool: Instance
    person: Person
    browser: Browser
    ran: list[str]
    started_at_boot: str
    held: str
    played: Played


@pytest.fixture(scope="module", params=sorted(HOSTS))
async def suspended(
    request: pytest.FixtureRequest, realm: RealmUnderTest, birch: Organization, keycloak: Keycloak
) -> AsyncIterator[Suspended]:
    slug = request.param
    host, parameters = HOSTS[slug], PARAMETERS[slug]
    tool = await make_instance(
        slug, realm, birch, host, f"suspended-{slug}", parameters=parameters, language="fr", first_port=FIRST_PORT
    )
    person = await realm.person("demo.birch", birch)
    await assign_roles(realm.people, tool.client.instance_id, {person.subject: ["owner"]})
    try:
        for action in ("provision", "verify"):
            played = await tool.play(action)
            assert played.status == 0, played.failed
        with Browser(keycloak.ca_file) as browser:
            write(tool, browser, person)
            before = (running(tool), starting_at_boot(tool), holdings(tool))
            yield Suspended(tool, person, browser, *before, await tool.play("suspend"))
    finally:
        await tool.play("deprovision")


def test_it_says_that_the_tool_is_suspended_now(suspended: Suspended) -> None:
    assert (suspended.played.status, suspended.played.result) == (0, {"suspended": True}), suspended.played.failed


def test_visitors_read_in_both_languages_what_has_happened_and_whom_to_ask(
    suspended: Suspended, browser: Browser
) -> None:
    page = Page.of(browser.http.get(suspended.tool.url))
    assert page.language == "fr"
    assert page.tags.count("h1") == 1
    assert page.title == f"{httpx.URL(suspended.tool.url).host} – suspendu"
    for language, said in {
        "fr": ("suspendu pour le moment", "Rien n’a été supprimé", "service d’assistance de votre établissement"),
        "en": ("suspended for now", "Nothing was deleted", "the help desk of your institution"),
    }.items():
        assert [text for text in said if text not in page.texts[language]] == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_leads_past_the_page_whether_signed_in_or_not(
    suspended: Suspended, browser: Browser, address: str
) -> None:
    for visitor in (browser, suspended.browser):
        answer = visitor.http.get(f"{suspended.tool.url}{address}", headers={"Accept": "text/html"})
        assert answer.status_code == 503
        assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("86400", "no-store")
        assert answer.headers["content-type"].startswith("text/html")
        assert "set-cookie" not in answer.headers
        assert "Nothing was deleted" in answer.text


def test_every_process_of_it_has_ended_and_none_starts_at_boot(suspended: Suspended) -> None:
    tool = suspended.tool
    assert suspended.ran == RUNNING[tool.bundle.slug], "all of it ran before"
    assert running(tool) == []
    assert tool.on_host(f"systemctl list-units --no-legend --state=active '*{tool.short}*'") == ""
    assert suspended.started_at_boot
    assert starting_at_boot(tool) == ""
    assert tool.on_host(f"grep {tool.short} /proc/mounts || true") == ""


def test_data_people_settings_and_secrets_are_as_they_were(suspended: Suspended) -> None:
    assert "/notes.txt" in suspended.held
    assert holdings(suspended.tool) == suspended.held


async def test_suspending_it_again_changes_nothing(suspended: Suspended) -> None:
    again = await suspended.tool.play("suspend")
    assert (again.status, again.changed, again.result) == (0, [], {"suspended": True}), again.failed


async def test_provision_brings_it_back_as_it_was(suspended: Suspended, browser: Browser) -> None:
    tool = suspended.tool
    back = await tool.play("provision")
    assert back.status == 0, back.failed
    assert back.result["changed_by_hand"] == []
    assert holdings(tool) == suspended.held
    verified = await tool.play("verify")
    assert verified.status == 0, verified.failed
    assert read(tool, browser, suspended.person) == WRITTEN
    assert (running(tool), starting_at_boot(tool)) == (suspended.ran, suspended.started_at_boot)
    assert (await tool.play("provision")).changed == []


async def test_nothing_is_left_when_it_is_removed_while_suspended(suspended: Suspended, browser: Browser) -> None:
    tool = suspended.tool
    assert (await tool.play("suspend")).status == 0
    removed = await tool.play("deprovision")
    assert (removed.status, removed.result) == (0, {"removed": True}), removed.failed
    left = (
        f"find / -xdev -path /proc -prune -o -name '*{tool.short}*' -print; "
        f"systemctl list-units --all --no-legend '*{tool.short}*'; grep {tool.short} /proc/mounts; "
        f"getent passwd {tool.short}; getent group {tool.short}; grep -rl {tool.short} /etc/apache2; true"
    )
    assert tool.on_host(f"({left}) 2>/dev/null") == ""
    assert browser.http.get(tool.url).status_code == 404
    again = await tool.play("deprovision")
    assert (again.status, again.changed) == (0, [])


def write(tool: Instance, browser: Browser, person: Person) -> None:
    """Leave something there, as people do who use it."""
    if tool.bundle.slug == "dokuwiki":
        Visitor.signed_in(tool, browser, person).write("cours:notes", WRITTEN)
    else:
        started(tool, browser, person).run(f"open('notes.txt', 'w').write({WRITTEN!r})")


def read(tool: Instance, browser: Browser, person: Person) -> str:
    if tool.bundle.slug == "dokuwiki":
        return Visitor.signed_in(tool, browser, person).text("cours:notes").strip()
    return started(tool, browser, person).run("print(open('notes.txt').read())")[1].strip()


def running(tool: Instance) -> list[str]:
    """Give the kinds of the tool's units that have processes, as the kernel knows them."""
    units = tool.on_host(f"grep -hos '{tool.short}-[^/]*[.]service' /proc/[0-9]*/cgroup | sort -u").split()
    return sorted({unit.removeprefix(f"{tool.short}-").removesuffix(".service").split("-")[0] for unit in units})


def starting_at_boot(tool: Instance) -> str:
    return tool.on_host(f"find /etc/systemd/system -path '*.wants/*{tool.short}*' | sort")


def holdings(tool: Instance) -> str:
    """Give checksums, owners and permissions of all that the tool keeps.

    Left out is what its programs write of themselves when they end or start: what Jupyter hides in a home, and the
    hub's database with its times of activity, of which the people are looked at. The record of what provisioning wrote
    tells of the site's file, too, so it knows of the suspension.
    """
    paths = tool.variables["paths"]
    looked_at = (
        f"{paths['home']} {paths['state']} -type f ! -name managed.sha256 "
        "! -name 'jupyterhub.sqlite*' ! -path '*/people/*/.*'"
    )
    database = f"{paths['home']}/hub/jupyterhub.sqlite"
    return tool.on_host(
        f"find {looked_at} -exec sha256sum {{}} + | sort; find {looked_at} -printf '%p %U %G %m\\n' | sort; "
        f"if [ -e {database} ]; then python3 -c {shlex.quote(PEOPLE_OF_HUB)} {database}; fi"
    )


class Page(HTMLParser):
    """A page as a screen reader takes it: its language and title, and what it says in which language."""

    def __init__(self) -> None:
        super().__init__()
        self.language = ""
        self.title = ""
        self.tags: list[str] = []
        self.texts: defaultdict[str, str] = defaultdict(str)
        self._open: list[tuple[str, str]] = []

    @classmethod
    def of(cls, answer: httpx.Response) -> "Page":
        page = cls()
        page.feed(answer.text)
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        inherited = self._open[-1][1] if self._open else ""
        language = dict(attrs).get("lang") or inherited
        if tag == "html":
            self.language = language
        if tag != "meta":
            self._open.append((tag, language))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tag, language = self._open[-1] if self._open else ("", "")
        if tag == "title":
            self.title += data
        elif tag in {"p", "span"}:
            self.texts[language] += data
