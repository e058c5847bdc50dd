"""Answers that are made once and sent often: the bytes, their headers and their entity tag stand ready.

They skip what a framework does for each answer, so that a busy list costs less than a plain text.
"""

import hashlib

from litestar.response.base import ASGIResponse
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]
OK, NOT_MODIFIED = 200, 304


class Prepared:
    """One representation of one thing. `headers` come on top of its type, length, `ETag` and `Cache-Control`."""

    __slots__ = ("_found", "_unchanged", "body", "etag")

    def __init__(self, body: bytes, media_type: str, headers: Headers) -> None:
        self.body = body
        self.etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
        common = [(b"etag", self.etag), (b"cache-control", b"no-cache"), *headers]
        described = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
        self._found = PreparedAnswer(OK, [*described, *common], body)
        self._unchanged = PreparedAnswer(NOT_MODIFIED, common, b"")

    def answer(self, scope: Scope) -> "PreparedAnswer":
        """Choose between 200 and 304 by the request's `If-None-Match` (RFC 9110, section 13.1.2)."""
        for name, value in scope["headers"]:
            if name == b"if-none-match" and _names(value, self.etag):
                return self._unchanged
        return self._found


class PreparedAnswer(ASGIResponse):
    """Two messages, sent as they are; they hold nothing of any one request."""

    __slots__ = ("_end", "_start")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(body=body, status_code=status)
        self._start: HTTPResponseStartEvent = {"type": "http.response.start", "status": status, "headers": headers}
        self._end: HTTPResponseBodyEvent = {"type": "http.response.body", "body": body, "more_body": False}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the answer. The messages are copied, since outer layers add headers of their own to them."""
        await send(self._start.copy())
        await send(self._end.copy())


def _names(if_none_match: bytes, etag: bytes) -> bool:
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in if_none_match.split(b","))
