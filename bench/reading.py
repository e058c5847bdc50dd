"""The catalog's list and one tool, against Litestar's plain text."""

from typing import Any

from litestar import Litestar, MediaType, get

from bench.asgi import Answered, Headers, call
from bench.comparing import Comparison, compare

CALLS = 300
AIM = 1.4
OK, UNCHANGED = 200, 304


@get("/plain", media_type=MediaType.TEXT)
async def _plain() -> str:
    return "plain"


async def compare_reading(app: Any, slug: str) -> list[Comparison]:
    """Compare `GET /v1/tools` and `GET /v1/tools/{slug}`, and both with the ETag that is already known."""
    plain = Litestar(route_handlers=[_plain], logging_config=None, openapi_config=None)

    async def plainly() -> Answered:
        return _required(await call(plain, "GET", "/plain"), OK)

    found = []
    for title, path in (("the catalog’s list", "/v1/tools"), ("one tool", f"/v1/tools/{slug}")):
        known = {"if-none-match": (await call(app, "GET", path)).headers["etag"]}
        for state, headers, status in (("", {}, OK), (", unchanged (304)", known, UNCHANGED)):

            async def ours(path: str = path, headers: Headers = headers, status: int = status) -> Answered:
                return _required(await call(app, "GET", path, headers), status)

            name = f"{title}{state}, against plain text"
            found.append(await compare(name, ours, plainly, calls=CALLS, aim=AIM))
    return found


def _required(answered: Answered, status: int) -> Answered:
    if answered.status != status:
        raise RuntimeError(f"{answered.status} instead of {status}: {answered.body!r}")
    return answered
