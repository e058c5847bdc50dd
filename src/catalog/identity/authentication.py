"""The layer that asks for a token on every route that is not said to be public."""

import re
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from catalog.identity.errors import InvalidToken, Unauthenticated
from catalog.identity.tokens import TokenVerifier

PUBLIC = {"public": True}
_BEARER = re.compile(r"^Bearer +([A-Za-z0-9._~+/=-]+) *$", re.IGNORECASE)


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Puts the verified `Identity` on the connection (`connection.user`), or refuses.

    Routes with `opt=PUBLIC` are served to anybody, with or without a token.
    """

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        super().__init__(app, exclude_from_auth_key="public", scopes={ScopeType.HTTP})
        self._verifier = verifier

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """Verify the token of RFC 6750, section 2.1. Tokens in the query or the body are not looked at."""
        authorization = connection.headers.get("authorization")
        if authorization is None:
            raise Unauthenticated
        bearer = _BEARER.match(authorization)
        if bearer is None:
            raise InvalidToken
        return AuthenticationResult(user=await self._verifier.identity(bearer[1]), auth=None)
