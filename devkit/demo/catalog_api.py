"""A person's view of the catalog's API: a real access token, plain HTTP calls."""

import ssl
from collections.abc import Mapping
from typing import Any

import httpx

TIMEOUT_SECONDS = 30


class CallRefused(Exception):
    """The API answered with a problem (RFC 9457); the message is what it says."""


class CatalogApi:
    """Calls the API as whoever `token` names."""

    def __init__(self, url: str, token: str, ca_file: str, language: str = "en") -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._client = httpx.Client(
            base_url=url,
            headers=headers,
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


def _body(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise CallRefused(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer.json()
