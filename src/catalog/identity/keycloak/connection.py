"""One service account's connection to Keycloak's admin API."""

import asyncio
import base64
import copy
import datetime as dt
import json
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import httpx
from keycloak import KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakConnectionError, KeycloakError

from catalog.identity.keycloak.errors import KeycloakRefused, KeycloakUnavailable

TIMEOUT_SECONDS = 30
REASON_KEYS = ("errorMessage", "error_description", "error")


class KeycloakConnection:
    """Calls the admin API of `realm` as a service account, with one token for all concurrent calls.

    `url` is Keycloak's base address; the account lives in `home_realm` (default: `realm` itself); `ca_file` is a PEM
    bundle to trust instead of the system's. Every method raises `KeycloakUnavailable` where a later try may succeed
    and `KeycloakRefused` where it will not. Use it as an async context manager, or call `close`.
    """

    def __init__(  # noqa: PLR0913 - the six are one address and one account
        self,
        url: str,
        realm: str,
        client_id: str,
        client_secret: str,
        ca_file: Path | None = None,
        *,
        home_realm: str | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.realm = realm
        self.client_id = client_id
        self.ca_file = ca_file
        # The library hands this on to httpx, where a path is deprecated; its own type knows no context.
        verify = cast("Any", ssl.create_default_context(cafile=None if ca_file is None else str(ca_file)))
        self._keycloak = KeycloakOpenIDConnection(
            server_url=self.url,
            realm_name=realm,
            user_realm_name=home_realm or realm,
            client_id=client_id,
            client_secret_key=client_secret,
            grant_type="client_credentials",
            verify=verify,
            timeout=TIMEOUT_SECONDS,
        )
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"KeycloakConnection(url={self.url!r}, realm={self.realm!r}, client_id={self.client_id!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the sockets."""
        await self._keycloak.keycloak_openid.connection.aclose()
        await self._keycloak.aclose()

    def in_realm(self, realm: str) -> "KeycloakConnection":
        """Give the same account's view of another realm. It shares sockets and token; close the first alone."""
        other = copy.copy(self)
        other.realm = realm
        return other

    async def renew(self) -> None:
        """Take a new token: the old one knows nothing of roles that were given since."""
        async with self._lock:
            await self._take_token()

    async def subject(self) -> str:
        """Say who the account itself is, as its own token does."""
        await self._ensure_token()
        payload = (self._keycloak.token or {})["access_token"].split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])

    async def get(self, path: str, **query: str | int | bool) -> Any:
        """Read `path` below the realm's admin address."""
        return _json(await self._send("GET", self._below_realm(path), query=query))

    async def find(self, path: str, **query: str | int | bool) -> Any | None:
        """Read `path`, or give None where Keycloak has no such thing."""
        try:
            return await self.get(path, **query)
        except KeycloakRefused as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def post(self, path: str, body: object) -> str | None:
        """Create; gives the new thing's id, where Keycloak says one."""
        answer = await self._send("POST", self._below_realm(path), body)
        location = answer.headers.get("location")
        return location.rsplit("/", 1)[1] if location else None

    async def put(self, path: str, body: object = None) -> None:
        """Replace."""
        await self._send("PUT", self._below_realm(path), body)

    async def delete(self, path: str, body: object = None) -> None:
        """Remove; `body` names what of it, where Keycloak wants that."""
        await self._send("DELETE", self._below_realm(path), body)

    async def server(self, method: str, path: str, body: object = None) -> Any:
        """Call the server-wide part of the admin API (`/realms`, `/serverinfo`)."""
        return _json(await self._send(method, f"admin{path}", body))

    def _below_realm(self, path: str) -> str:
        return f"admin/realms/{quote(self.realm, safe='')}{path}"

    async def _send(
        self, method: str, address: str, body: object = None, query: dict[str, str | int | bool] | None = None
    ) -> httpx.Response:
        await self._ensure_token()
        content = "" if body is None else json.dumps(body)
        parameters = {
            name: str(value).lower() if isinstance(value, bool) else value for name, value in (query or {}).items()
        }
        calls: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
            "GET": lambda: self._keycloak.a_raw_get(address, **parameters),
            "POST": lambda: self._keycloak.a_raw_post(address, data=content),
            "PUT": lambda: self._keycloak.a_raw_put(address, data=content),
            "DELETE": lambda: self._keycloak.a_raw_delete(address, data=cast("Any", content or None)),
        }
        try:
            answer = await calls[method]()
        except KeycloakError as error:
            raise _translated(f"{method} /{address}", error) from error
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise _refusal(f"{method} /{address}", answer.status_code, answer.content)
        return answer

    async def _ensure_token(self) -> None:
        async with self._lock:
            expiry = self._keycloak.expires_at
            if self._keycloak.token is None or expiry is None or dt.datetime.now(dt.UTC) >= expiry:
                await self._take_token()

    async def _take_token(self) -> None:
        try:
            await self._keycloak.a_get_token()
        except KeycloakError as error:
            raise _translated(f"sign-in of {self.client_id}", error) from error


def _json(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None


def _translated(what: str, error: KeycloakError) -> KeycloakUnavailable | KeycloakRefused:
    """Sort the library's errors; one without a status never reached Keycloak."""
    if isinstance(error, KeycloakConnectionError) or error.response_code is None:
        cause = error.__cause__ or error
        return KeycloakUnavailable(what=what, why=type(cause).__name__)
    return _refusal(what, error.response_code, error.response_body or b"")


def _refusal(what: str, status: int, body: bytes) -> KeycloakUnavailable | KeycloakRefused:
    reason = _reason(body) or HTTPStatus(status).phrase
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return KeycloakUnavailable(what=what, why=f"{status} {reason}")
    return KeycloakRefused(what=what, status=status, why=reason)


def _reason(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    if not isinstance(answer, dict):
        return None
    return next((str(answer[key]) for key in REASON_KEYS if answer.get(key)), None)
