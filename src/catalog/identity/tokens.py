"""Access tokens: verified offline, against the issuer's published keys (RFC 9068, RFC 7515, RFC 8725).

A valid signature is not enough: an ID token of the same issuer bears one too. So the kind of the token, its issuer,
audience and authorized party are all checked, and a key id is required.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from catalog.identity.errors import InvalidToken, SignInUnavailable

log = structlog.get_logger()

ALGORITHMS = ["RS256", "PS256", "ES256"]
CLIENTS = frozenset({"catalog-cli", "catalog-web"})
LEEWAY_SECONDS = 10
COOL_DOWN_SECONDS = 10
MAXIMUM_AGE_SECONDS = 3600
MAXIMUM_TOKEN_BYTES = 16_384


class Identity(msgspec.Struct, frozen=True):
    """Who a verified token speaks for."""

    issuer: str
    subject: str
    name: str
    email: str | None


class SigningKeys:
    """The issuer's keys, cached. An unknown key id fetches them anew, but not more often than every ten seconds."""

    def __init__(self, issuer: str, client: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    async def key_set(self, key_id: str) -> KeySet:
        """Give the key of that id.

        Raises `InvalidToken` for an unknown one, `SignInUnavailable` where none can be had.
        """
        if self._fits(key_id) or await self._refreshed(key_id):
            return KeySet([self._keys[key_id]])
        raise InvalidToken

    def _fits(self, key_id: str) -> bool:
        fresh = self._fetched_at is not None and self._clock() - self._fetched_at < MAXIMUM_AGE_SECONDS
        return fresh and key_id in self._keys

    async def _refreshed(self, key_id: str) -> bool:
        async with self._lock:
            now = self._clock()
            cooling = self._tried_at is not None and now - self._tried_at < COOL_DOWN_SECONDS
            if not self._fits(key_id) and not cooling:
                self._tried_at = now
                await self._fetch()
        if not self._keys:
            raise SignInUnavailable
        return key_id in self._keys

    async def _fetch(self) -> None:
        """Read the keys. While the issuer is away, those that are known go on being used."""
        try:
            configuration = await self._json(f"{self._issuer}/.well-known/openid-configuration")
            found = KeySet.import_key_set(await self._json(self._at_home(str(configuration["jwks_uri"]))))
        except (httpx.HTTPError, ValueError, KeyError, JoseError) as error:
            log.warning("identity.keys_unavailable", issuer=self._issuer, error=type(error).__name__)
            return
        self._keys = {key.kid: key for key in found.keys if key.kid}
        self._fetched_at = self._clock()

    def _at_home(self, address: str) -> str:
        if urlsplit(address)[:2] != urlsplit(self._issuer)[:2]:
            raise ValueError("The issuer's keys stand on another server.")
        return address

    async def _json(self, address: str) -> Any:
        answer = await self._client.get(address)
        answer.raise_for_status()
        return answer.json()


class TokenVerifier:
    """Turns an access token into who it speaks for, or refuses it."""

    def __init__(self, issuer: str, audience: str, keys: SigningKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            typ={"essential": True, "value": "Bearer"},
            azp={"essential": True, "values": sorted(CLIENTS)},
        )

    async def identity(self, token: str) -> Identity:
        """Verify. Raises `InvalidToken`, or `SignInUnavailable` where the keys can't be had."""
        keys = await self._keys.key_set(_key_id(token))
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        except (JoseError, ValueError) as error:
            raise InvalidToken from error
        return Identity(
            issuer=self._issuer,
            subject=str(claims["sub"]),
            name=str(claims.get("name") or claims.get("preferred_username") or claims["sub"]),
            email=str(claims["email"]) if claims.get("email") else None,
        )


def _key_id(token: str) -> str:
    """Read the unverified header's key id, by which the key is found that then verifies the whole."""
    if len(token) > MAXIMUM_TOKEN_BYTES:
        raise InvalidToken
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError) as error:
        raise InvalidToken from error
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise InvalidToken
    return key_id
