"""A wiki as somebody with a browser meets it."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Self

import httpx
from devkit.signin import Browser, forms_of
from tests.bundles.instances import Instance
from tests.identity.realm_under_test import Person


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in to a wiki."""

    wiki: Instance
    browser: Browser
    person: Person

    @classmethod
    def signed_in(cls, wiki: Instance, browser: Browser, person: Person) -> Self:
        page = wiki.visit(browser, person, "/doku.php?id=start").final
        assert (page.status_code, page.url.host) == (200, httpx.URL(wiki.url).host), page.text[-2000:]
        return cls(wiki, browser, person)

    def page(self, name: str = "start", **query: str) -> httpx.Response:
        return self.browser.http.get(f"{self.wiki.url}/doku.php", params={"id": name} | query)

    def text(self, name: str = "start") -> str:
        """Read a page as it was typed."""
        return self.page(name, do="export_raw").text

    def may_edit(self, name: str) -> bool:
        return 'readonly="readonly"' not in self.page(name, do="edit").text

    def write(self, name: str, text: str) -> httpx.Response:
        """Send the form that editing a page shows, whether it may be changed or not."""
        page = self.page(name, do="edit")
        form = next((one for one in forms_of(page) if "sectok" in one.fields and "target" in one.fields), None)
        fields = {} if form is None else form.fields
        sent = {"id": name, "sectok": self.token(page), "prefix": ".", "suffix": ""} | fields
        return self.browser.http.post(
            f"{self.wiki.url}/doku.php", params={"id": name}, data=sent | {"wikitext": text, "do[save]": "1"}
        )

    def upload(self, name: str, content: bytes) -> httpx.Response:
        """Send a file as the media manager of a page does."""
        query = {"call": "mediaupload", "qqfile": name, "ns": "", "sectok": self.token(self.page())}
        return self.browser.http.post(f"{self.wiki.url}/lib/exe/ajax.php", params=query, content=content)

    def download(self, name: str) -> httpx.Response:
        return self.browser.http.get(f"{self.wiki.url}/lib/exe/fetch.php", params={"media": name})

    def sign_out(self) -> httpx.Response:
        address = re.search(r'href="([^"]*do=logout[^"]*)"', self.page().text)
        assert address
        return self.browser.visit(f"{self.wiki.url}{unescape(address[1])}").final

    @staticmethod
    def token(page: httpx.Response) -> str:
        """Give the word by which the wiki knows that a change comes from its own pages."""
        found = re.search(r'name="sectok" value="([0-9a-f]+)"', page.text)
        return found[1] if found else ""


def header(page: httpx.Response) -> tuple[str, str]:
    """Read title and tagline as somebody sees them who looks at the page."""
    title = re.search(r'<h1 class="logo">.*?<span>(.*?)</span>', page.text, re.DOTALL)
    tagline = re.search(r'<p class="claim">(.*?)</p>', page.text, re.DOTALL)
    assert title
    return _seen(title[1]), _seen(tagline[1]) if tagline else ""


def signed_in_as(page: httpx.Response) -> str:
    """Read the name that the page shows for whoever looks at it."""
    found = re.search(r'<li class="user">.*?<bdi>(.*?)</bdi>', page.text, re.DOTALL)
    return unescape(found[1]) if found else ""


def _seen(html: str) -> str:
    assert "<" not in html, html
    return unescape(html)
