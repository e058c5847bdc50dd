"""What wraps every answer: a request id that the logs bear too, one access line, HEAD wherever there is GET."""

import re
import time

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from catalog.platform.ids import new_id

log = structlog.get_logger()

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
SAFETY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),
]
NOT_KEPT = (b"cache-control", b"no-store")
NO_CONTENT, METHOD_NOT_ALLOWED = 204, 405

# HEAD is answered as GET without the body. No address serves TRACE, so its refusal says what OPTIONS asks for.
_ANSWERED_AS = {"HEAD": "GET", "OPTIONS": "TRACE"}


class RequestContext:
    """Outermost ASGI layer of the server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        method = str(scope["method"])
        answer = _Answer(send, request_id, method)
        if method in _ANSWERED_AS:
            scope = {**scope, "method": _ANSWERED_AS[method]}  # type: ignore[typeddict-item] # a copy of it
        started = time.perf_counter()
        try:
            await self._app(scope, receive, answer)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info("http.request", method=method, path=scope["path"], status=answer.status, milliseconds=milliseconds)


class _Answer:
    """Adds the headers to an answer, and turns it into the one to HEAD or OPTIONS."""

    def __init__(self, send: Send, request_id: str, method: str) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self._method = method
        self._ended = False
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._method == "OPTIONS" and message["status"] == METHOD_NOT_ALLOWED:
                message["status"] = NO_CONTENT
                message["headers"] = [header for header in message["headers"] if header[0].lower() == b"allow"]
            self.status = message["status"]
            message["headers"] = self._headers(list(message["headers"]))
            await self._send(message)
            if self._method == "HEAD" or self.status == NO_CONTENT:
                # At once: what follows may be a stream that never ends by itself.
                self._ended = True
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        elif not self._ended:
            await self._send(message)

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Add what every answer bears. What doesn't say otherwise is kept by nobody, since it is somebody's own."""
        found = [(name, _with_head(value) if name.lower() == b"allow" else value) for name, value in headers]
        if not any(name.lower() == NOT_KEPT[0] for name, _ in headers):
            found.append(NOT_KEPT)
        return [*found, (b"x-request-id", self._request_id), *SAFETY_HEADERS]


def _with_head(allow: bytes) -> bytes:
    methods = {method.strip() for method in allow.split(b",")}
    return b", ".join(sorted(methods | {b"HEAD"} if b"GET" in methods else methods))


def _request_id(scope: Scope) -> str:
    """Take a proxy's id where it looks like one; what anybody may send is never trusted into the logs as it is."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return str(new_id())
