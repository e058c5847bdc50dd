"""Who gets in, by real sign-ins: Keycloak itself refuses whoever a client does not admit."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from devkit.signin import Browser
from realm_under_test import PASSWORD, Organization, Person, RealmUnderTest, Server, Tool, claims

FAILURES_BORNE = 8


class Page(HTMLParser):
    """What a page says, by element: the language, the title, the headings, and the texts and links that bear an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language = ""
        self.texts: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.headings = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.headings += tag == "h1"
        if tag == "html":
            self.language = given.get("lang") or ""
        name = given.get("id") or tag
        if tag == "a":
            self.links[name] = given.get("href") or ""
        if tag not in {"meta", "link", "input", "path", "br"}:
            self._open.append(name)

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag not in {"meta", "link", "input", "path", "br"}:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for name in set(self._open):
            self.texts[name] = " ".join((self.texts.get(name, "") + data).split())


async def test_a_member_gets_in_with_the_organization_and_the_account_in_the_token(
    browser: Browser, birch_wiki: Tool, birch: Organization, of_birch: Person
) -> None:
    visit = birch_wiki.visit(browser, of_birch, "openid organization:birch")
    token = claims(visit.tokens(browser)["access_token"])

    assert token["organization"] == {"birch": {"id": birch.id}}
    assert token["sub"] == of_birch.subject
    assert token["aud"] == birch_wiki.client_id


async def test_a_person_of_two_members_gets_in_at_both(
    browser: Browser, birch_wiki: Tool, maple_wiki: Tool, of_both: Person
) -> None:
    assert birch_wiki.visit(browser, of_both).admitted
    assert maple_wiki.visit(browser, of_both).admitted


async def test_an_outsider_is_told_in_words_and_gets_no_code(
    browser: Browser, realm: RealmUnderTest, birch_wiki: Tool, of_maple: Person
) -> None:
    visit = birch_wiki.visit(browser, of_maple)
    page = Page(visit.page)

    assert (visit.status, visit.answer) == (403, {})
    assert page.language == "en"
    assert page.headings == 1
    assert page.texts["kc-page-title"] == "This account can’t open this tool"
    assert page.texts["title"].startswith(page.texts["kc-page-title"])
    assert page.texts["coop-account"] == of_maple.email
    assert page.texts["coop-tool"] == "Birch wiki"
    assert page.links["coop-help-desk"] == "mailto:help@maple.example"
    reference = page.texts["coop-reference"]
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", reference)
    events = await realm.admin.get("/events", type="LOGIN_ERROR", user=of_maple.subject)
    assert reference in {event["details"].get("reference") for event in events}


async def test_somebody_of_french_is_told_in_french(browser: Browser, realm: RealmUnderTest, birch_wiki: Tool) -> None:
    person = await realm.person("demo.erable", locale="fr")

    page = Page(birch_wiki.visit(browser, person).page)

    assert page.language == "fr"
    assert page.texts["kc-page-title"] == "Ce compte ne donne pas accès à cet outil"
    assert page.texts["coop-other-account"] == "Utiliser un autre compte"
    assert page.texts["title"].startswith(page.texts["kc-page-title"])


async def test_what_a_help_desk_says_is_text_and_never_markup(
    browser: Browser, maple_wiki: Tool, of_birch: Person
) -> None:
    visit = maple_wiki.visit(browser, of_birch)

    assert "<script>alert(1)" not in visit.page
    assert Page(visit.page).texts["coop-help-desk"] == "help <script>alert(1)</script> desk"


async def test_somebody_of_no_member_is_refused_and_sent_to_those_who_run_the_tool(
    browser: Browser, maple_wiki: Tool, of_none: Person
) -> None:
    visit = maple_wiki.visit(browser, of_none)

    assert (visit.status, visit.answer) == (403, {})
    assert Page(visit.page).texts["coop-help-desk"] == "help@maple.example"


async def test_a_session_from_elsewhere_opens_no_door(
    browser: Browser, birch_wiki: Tool, maple_wiki: Tool, of_maple: Person
) -> None:
    assert maple_wiki.visit(browser, of_maple).admitted

    visit = birch_wiki.visit(browser, of_maple)

    assert (visit.status, visit.answer) == (403, {})


async def test_from_the_refusal_another_account_leads_in(
    browser: Browser, birch_wiki: Tool, maple_wiki: Tool, of_maple: Person, of_birch: Person
) -> None:
    assert maple_wiki.visit(browser, of_maple).admitted
    refused = birch_wiki.visit(browser, of_maple)
    link = urljoin(str(refused.journey.final.url), Page(refused.page).links["coop-other-account"])

    journey = browser.visit(link, of_birch.username, PASSWORD, "https://tool.coop-tools.test/")

    assert "code=" in (journey.stopped_at or "")


@pytest.mark.parametrize(
    "scope", ["openid organization:birch", "openid organization", "openid organization:*", "openid organization:maple"]
)
async def test_a_scope_that_was_changed_in_the_browser_changes_nothing(
    browser: Browser, birch_wiki: Tool, of_maple: Person, scope: str
) -> None:
    visit = birch_wiki.visit(browser, of_maple, scope)

    assert not visit.admitted
    assert visit.status in {400, 403} or "error" in visit.answer


async def test_a_silent_sign_in_of_an_outsider_is_refused_too(
    browser: Browser, birch_wiki: Tool, maple_wiki: Tool, of_maple: Person
) -> None:
    assert maple_wiki.visit(browser, of_maple).admitted

    assert "error" in birch_wiki.visit(browser, of_maple, prompt="none").answer


async def test_being_refused_does_not_count_as_a_wrong_password(
    server: Server, realm: RealmUnderTest, birch_wiki: Tool
) -> None:
    cedar = await realm.organization("cedar")
    person = await realm.person("demo.persistent", cedar)
    for _ in range(FAILURES_BORNE + 1):
        with Browser(server.ca_file) as fresh:
            assert birch_wiki.visit(fresh, person).status == 403

    state = await realm.admin.get(f"/attack-detection/brute-force/users/{person.subject}")
    assert (state["numFailures"], state["disabled"]) == (0, False)
    with Browser(server.ca_file) as fresh:
        assert (await realm.tool("Cedar wiki", cedar)).visit(fresh, person).admitted


async def test_wrong_passwords_are_counted(browser: Browser, realm: RealmUnderTest, birch_wiki: Tool) -> None:
    person = await realm.person("demo.forgetful")
    birch_wiki.visit(browser, person, password="not this one")

    state = await realm.admin.get(f"/attack-detection/brute-force/users/{person.subject}")
    assert state["numFailures"] == 1


async def test_a_client_that_says_nothing_admits_nobody(
    browser: Browser, realm: RealmUnderTest, of_birch: Person
) -> None:
    visit = (await realm.raw_client()).visit(browser, of_birch)

    assert (visit.status, visit.answer) == (403, {})


async def test_a_client_open_to_everybody_admits_somebody_of_no_member(
    browser: Browser, realm: RealmUnderTest, of_none: Person
) -> None:
    assert (await realm.raw_client(attributes={"coop.access": "everybody"})).visit(browser, of_none).admitted


async def test_everybody_reaches_the_account_pages(browser: Browser, realm: RealmUnderTest, of_none: Person) -> None:
    address = f"{realm.issuer}/account/"
    console = Tool("account-console", "", "", realm.issuer)

    assert console.visit(browser, of_none, redirect_uri=address).journey.final.status_code == 200


async def test_a_disabled_organization_admits_nobody(browser: Browser, realm: RealmUnderTest) -> None:
    organization = await realm.organization("willow")
    person = await realm.person("demo.willow", organization)
    tool = await realm.tool("Willow wiki", organization)
    found = await realm.admin.get(f"/organizations/{organization.id}")
    tokens = tool.visit(browser, person).tokens(browser)

    await realm.admin.put(f"/organizations/{organization.id}", found | {"enabled": False})

    assert not tool.visit(browser, person).admitted
    status, answer = tool.token(browser, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_an_organization_that_took_over_an_alias_admits_nobody_by_it(
    browser: Browser, realm: RealmUnderTest
) -> None:
    before = await realm.organization("juniper")
    tool = await realm.tool("Juniper wiki", before)
    await realm.admin.delete(f"/organizations/{before.id}")
    after = await realm.organization("juniper")
    person = await realm.person("demo.juniper", after)

    assert tool.visit(browser, person, "openid organization:juniper").status == 403


async def test_a_refresh_after_the_membership_ended_is_refused(browser: Browser, realm: RealmUnderTest) -> None:
    organization = await realm.organization("spruce")
    person = await realm.person("demo.spruce", organization)
    tool = await realm.tool("Spruce wiki", organization)
    tokens = tool.visit(browser, person).tokens(browser)
    status, tokens = tool.token(browser, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert status == 200

    await realm.admin.delete(f"/organizations/{organization.id}/members/{person.subject}")

    status, answer = tool.token(browser, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert not tool.visit(browser, person).admitted


async def test_a_code_is_worth_nothing_once_the_membership_has_ended(browser: Browser, realm: RealmUnderTest) -> None:
    organization = await realm.organization("alder")
    person = await realm.person("demo.alder", organization)
    tool = await realm.tool("Alder wiki", organization)
    visit = tool.visit(browser, person)

    await realm.admin.delete(f"/organizations/{organization.id}/members/{person.subject}")

    status, answer = tool.token(
        browser,
        grant_type="authorization_code",
        code=visit.answer["code"],
        redirect_uri="https://tool.coop-tools.test/sign-in/callback",
        code_verifier=visit.verifier,
    )
    assert (status, answer["error"]) == (400, "invalid_grant")
