# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the catalog's API."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError

from ansible.module_utils.urls import open_url
from ansible_collections.coop.catalog.plugins.plugin_utils.settings import Settings

TIMEOUT_SECONDS = 10
AWAY = frozenset({500, 502, 503, 504})
PAGE = 100


class CatalogAway(Exception):
    """The catalog does not answer, or can't just now."""


class Refused(Exception):
    """The catalog said no. `code` is stable; the message is for people."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("type", "")).rpartition("/")[2]
        text = f"{problem.get('title') or 'Refused'}. {problem.get('detail') or ''}".strip()
        super().__init__(text if status != 401 else f"{text} Is CATALOG_TOKEN one of an operator, and still valid?")  # noqa: PLR2004 - HTTP's own number


class Api:
    """The API as the operator, or with a run's own key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Give every page of a list."""
        after = ""
        while True:
            page = self._call("GET", f"{path}?limit={PAGE}{after}")
            yield page
            if page["next"] is None:
                return
            after = f"&after={page['next']}"

    def post(self, path: str, body: object = None, *, key: str | None = None) -> dict[str, Any]:
        """Post JSON. Raises `CatalogAway`, `Refused`, and without a `key` `NotSet`."""
        return self._call("POST", path, body, key)

    def _call(self, method: str, path: str, body: object = None, key: str | None = None) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        headers |= {"Run-Key": key} if key else {"Authorization": f"Bearer {self._settings.token()}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        try:
            answer = open_url(
                f"{self._settings.url}{path}",
                method=method,
                data=data,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                ca_path=self._settings.ca_file,
                follow_redirects="none",
                use_netrc=False,
                http_agent="coop-catalog-ansible",
            )
            return dict(json.load(answer))
        except HTTPError as error:
            raise _refusal(error) from error
        except (URLError, OSError, ValueError) as error:  # TLS, DNS and sockets; what is no JSON is not the catalog
            raise CatalogAway(str(getattr(error, "reason", error))) from error


def _refusal(error: HTTPError) -> Exception:
    if error.code in AWAY:
        return CatalogAway(f"it answers {error.code}")
    try:
        problem = json.loads(error.read())
    except ValueError:
        problem = {}
    return Refused(error.code, problem if isinstance(problem, dict) else {})
