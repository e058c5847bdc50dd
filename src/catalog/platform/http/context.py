"""What wraps every answer: a request id that the logs bear too, one access line, and HEAD wherever there is GET."""

import re
import time

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from catalog.platform.ids import new_id

log = structlog.get_logger()

REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{8,64}$")
SAFETY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),
]


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
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(send, request_id, head_only=scope["method"] == "HEAD")
        method = scope["method"]
        if answer.head_only:
            scope["method"] = "GET"
        started = time.perf_counter()
        try:
            await self._app(scope, receive, answer)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info("http.request", method=method, path=scope["path"], status=answer.status, milliseconds=milliseconds)


class _Answer:
    """Adds the headers to an answer, and drops the body of an answer to HEAD."""

    def __init__(self, send: Send, request_id: str, *, head_only: bool) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self.head_only = head_only
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self._request_id), *SAFETY_HEADERS]
        elif message["type"] == "http.response.body" and self.head_only:
            message["body"] = b""
        await self._send(message)


def _request_id(scope: Scope) -> str:
    """Take a proxy's id where it looks like one; what anybody may send is never trusted into the logs as it is."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.match(value):
            return value.decode("ascii")
    return str(new_id())
