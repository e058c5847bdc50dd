"""A person's view of the catalog's API: a real access token, plain HTTP calls."""

import ssl
from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from devkit.running import Failed

TIMEOUT_SECONDS = 30


class CallRefused(Failed):
    """The API answered with a problem (RFC 9457); the message is what it says."""


class CatalogApi:
    """Calls the API as whoever `sign_in` gives an access token of; it is asked again where that has expired."""

    def __init__(self, url: str, sign_in: Callable[[], str], ca_file: str, language: str = "en") -> None:
        self._client = httpx.Client(
            base_url=url,
            auth=_SignedIn(sign_in),
            headers={"Accept-Language": language},
            verify=ssl.create_default_context(cafile=ca_file),
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def get(self, path: str, **query: str | int) -> Any:
        """Read what is at `path`."""
        return _body(self._client.get(path, params=query or None))

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Send `body` to `path`."""
        return _body(self._client.post(path, json=body, headers=headers))


class _SignedIn(httpx.Auth):
    def __init__(self, sign_in: Callable[[], str]) -> None:
        self._sign_in = sign_in
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self._token = self._token or self._sign_in()
        answer = yield self._bearing_it(request)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._token = self._sign_in()
            yield self._bearing_it(request)

    def _bearing_it(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _body(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise CallRefused(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer.json()
