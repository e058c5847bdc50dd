"""A scripted browser that signs in through Keycloak's own pages: for tests and the demonstration.

It keeps cookies, follows every redirect, fills the forms that a person would fill, and checks certificates as a browser
does. Names can be given addresses, so that nothing has to be set on the machine that runs it.
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

STEPS = 30
TIMEOUT_SECONDS = 30
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SLOW_DOWN_SECONDS = 5
POSTED_BY_SCRIPT = frozenset({"SAMLRequest", "SAMLResponse", "code"})


class SignInFailed(Exception):
    """The pages did not lead on; the message says where it ended."""


class AddressedTransport(httpx.HTTPTransport):
    """Connects to the given address of a host, while the name stays in TLS (SNI, certificate) and in `Host`."""

    def __init__(self, addresses: Mapping[str, str], context: ssl.SSLContext) -> None:
        super().__init__(verify=context)
        self._addresses = addresses

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; the client goes on seeing the one with the name."""
        address = self._addresses.get(request.url.host)
        if address is None:
            return super().handle_request(request)
        extensions = request.extensions | {"sni_hostname": request.url.host}
        url = request.url.copy_with(host=address)
        addressed = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
        )
        return super().handle_request(addressed)


@dataclass
class Form:
    """A form of a page: where it goes, by which method, and its fields as they stand."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").upper()))
            self._inside = True
        elif self._inside and tag in {"input", "button"} and given.get("name"):
            submits = given.get("type", "submit" if tag == "button" else "text").lower() in {"submit", "button"}
            ticked = given.get("type", "").lower() not in {"checkbox", "radio"} or "checked" in given
            if submits:
                self.forms[-1].buttons[given["name"]] = given.get("value", "")
            elif ticked:
                self.forms[-1].fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


def forms_of(page: httpx.Response) -> list[Form]:
    """Find the forms of a page."""
    (parser := _Forms()).feed(page.text)
    return parser.forms


@dataclass(frozen=True)
class Journey:
    """Where it ended: the last answer, all answers in order, and the address that it was not to go beyond."""

    final: httpx.Response
    history: tuple[httpx.Response, ...]
    stopped_at: str | None = None


class Browser:
    """One person's browser: an own cookie jar, an own language. Close it, or use it in a `with`."""

    def __init__(
        self, ca_file: Path | str | None = None, addresses: Mapping[str, str] | None = None, language: str = "en"
    ) -> None:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        self.http = httpx.Client(
            transport=AddressedTransport(addresses or {}, context),
            timeout=TIMEOUT_SECONDS,
            headers={"Accept-Language": language},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its sockets."""
        self.http.close()

    def visit(self, url: str, username: str = "", password: str = "", stop_at: str | None = None) -> Journey:
        """Open `url` and go wherever it leads, signing in on the way where a sign-in page asks for it.

        `stop_at` is the beginning of an address that is not opened any more (a client's redirect address, say): it
        comes back as `stopped_at`. A question that is asked twice is not answered again: there the journey ends.
        """
        return self.follow(self.http.get(url), username, password, stop_at)

    def follow(
        self, page: httpx.Response, username: str = "", password: str = "", stop_at: str | None = None
    ) -> Journey:
        """Go on from a page."""
        history, filled = [page], set[str]()
        answers = {name: value for name, value in (("username", username), ("password", password)) if value}
        for _ in range(STEPS):
            if page.is_redirect:
                target = urljoin(str(page.url), page.headers["location"])
                if stop_at is not None and target.startswith(stop_at):
                    return Journey(page, tuple(history), target)
                page = self.http.get(target)
            else:
                form = next((one for one in forms_of(page) if _values(one, answers)), None)
                values = {} if form is None else _values(form, answers)
                question = "" if form is None else f"{urlsplit(form.action).path} {sorted(values)}"
                if form is None or question in filled or page.is_error:
                    return Journey(page, tuple(history))
                filled.add(question)
                page = self.submit(page, form, values)
            history.append(page)
        raise SignInFailed(f"went round in circles, lastly at {urlsplit(str(page.url))._replace(query='').geturl()}")

    def submit(self, page: httpx.Response, form: Form, values: Mapping[str, str]) -> httpx.Response:
        """Send a form of `page`, with `values` over what stands in it."""
        target = urljoin(str(page.url), form.action)
        if form.method == "GET":
            return self.http.get(target, params=form.fields | dict(values))
        return self.http.post(target, data=form.fields | dict(values))


def _values(form: Form, answers: Mapping[str, str]) -> dict[str, str]:
    """Say what a person would put into the form, or that a script would send it as it stands; else nothing."""
    if "accept" in form.buttons:
        return {"accept": form.buttons["accept"]}
    asked = {name: value for name, value in answers.items() if name in form.fields}
    return asked or {name: value for name, value in form.fields.items() if name in POSTED_BY_SCRIPT}


def device_token(  # noqa: PLR0913 - who signs in, where, and how the place is reached
    issuer: str,
    client_id: str,
    username: str,
    password: str,
    scope: str,
    *,
    ca_file: Path | str | None = None,
    addresses: Mapping[str, str] | None = None,
) -> str:
    """Take an access token by the device grant (RFC 8628), with the approval given by a scripted browser."""
    with Browser(ca_file, addresses) as browser:
        return approved_device_token(browser, issuer, {"client_id": client_id, "scope": scope}, username, password)


def approved_device_token(
    browser: Browser, issuer: str, client: Mapping[str, str], username: str, password: str
) -> str:
    """Do the same in a browser that there is. `client` holds client_id, scope and, if it has one, client_secret."""
    endpoint = f"{issuer}/protocol/openid-connect"
    device = browser.http.post(f"{endpoint}/auth/device", data=dict(client)).raise_for_status().json()
    approval = browser.visit(device["verification_uri_complete"], username, password)
    grant = {"grant_type": DEVICE_GRANT, "device_code": device["device_code"]} | dict(client)
    interval, deadline = device.get("interval", SLOW_DOWN_SECONDS), time.monotonic() + TIMEOUT_SECONDS
    while True:
        answer = browser.http.post(f"{endpoint}/token", data=grant)
        if answer.is_success:
            return str(answer.json()["access_token"])
        error = answer.json().get("error")
        if error not in {"authorization_pending", "slow_down"} or time.monotonic() > deadline:
            raise SignInFailed(f"no token: {error}; the approval ended with {approval.final.status_code}")
        time.sleep(interval := interval + SLOW_DOWN_SECONDS * (error == "slow_down"))
