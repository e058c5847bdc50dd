"""The plainest thing that Litestar can serve: a few bytes of text."""

from litestar import Litestar, MediaType, get


@get("/plain", media_type=MediaType.TEXT)
async def plain() -> str:
    """Answer."""
    return "plain"


app = Litestar(route_handlers=[plain], logging_config=None, openapi_config=None)
