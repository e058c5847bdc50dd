"""The API's description (OpenAPI 3.1) and a reference page made from it, which loads nothing from anywhere."""

import html
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar, Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.response.base import ASGIResponse
from litestar.routes import HTTPRoute
from markdown_it import MarkdownIt

from catalog.platform.http.prepared import Prepared
from catalog.platform.http.problems import PROBLEM_JSON

BAD_REQUEST = 400
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
METHODS = ("get", "post", "put", "patch", "delete")
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

DESCRIPTION = """
The catalog and the provisioning of a co-operative that hosts ed tech for Canadian universities and colleges.

Errors are problem details (RFC 9457): `type` is stable, `errors` has a JSON pointer for every wrong field. Lists are
pages, newest first: pass `next` back as `after`. A change of what has an `ETag` needs it as `If-Match`. Texts follow
`Accept-Language` (English or French). Every answer bears `X-Request-Id`: quote it when you ask for help.
""".strip()

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}"
    "code,pre{font-family:ui-monospace,monospace;background:#f3f3f3;padding:.1em .3em}pre{padding:1em;overflow:auto}"
    "h2{border-bottom:1px solid #767676;margin-top:2.5rem}.m{font-weight:700;text-transform:uppercase}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1em .2em 0;vertical-align:top}"
)


IF_MATCH_BY_CASE = "if_match_by_case"
"""A handler's option: whether it needs `If-Match` depends on what is asked of it."""


def openapi_config(version: str, base: str) -> OpenAPIConfig:
    """Configure the description; the pages that would load scripts from elsewhere are left out."""
    return OpenAPIConfig(
        title="Co-op Catalog",
        version=version,
        description=DESCRIPTION,
        path="/v1/openapi",
        render_plugins=[],
        security=[{"bearer": []}],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description=f"An access token for {base}, from the co-op's sign-in service.",
                )
            }
        ),
    )


def description_of(app: Litestar) -> dict[str, Any]:
    """Give the OpenAPI document. What comes in is closed, as the server refuses unknown fields there."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            handlers = _described(route)
            public = all(handler.opt.get("public") for handler in handlers)
            by_case = any(handler.opt.get(IF_MATCH_BY_CASE) for handler in handlers)
            for operation in document["paths"].get(route.path_format, {}).values():
                _mend(operation, public=public, needs_match=not by_case)
    schemas = document["components"]["schemas"]
    bodies = [
        operation["requestBody"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in METHODS and "requestBody" in operation
    ]
    for name in _reached(bodies, schemas):
        if "properties" in schemas[name]:
            schemas[name]["additionalProperties"] = False
    return document


def _mend(operation: dict[str, Any], *, public: bool, needs_match: bool) -> None:
    """Say that a public address needs no token, and where If-Match is needed (its lack has an answer of its own).

    The framework's own idea of a wrong parameter is left out.
    """
    if public:
        operation["security"] = []
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "If-Match":
            parameter["required"] = needs_match
    wrong = operation["responses"].get(str(BAD_REQUEST), {})
    if PROBLEM_JSON not in wrong.get("content", {}):
        operation["responses"].pop(str(BAD_REQUEST), None)


def _described(route: HTTPRoute) -> list[HTTPRouteHandler]:
    return [handler for handler in route.route_handlers if "OPTIONS" not in handler.http_methods]


def _reached(part: Any, schemas: dict[str, Any]) -> set[str]:
    """Name the components that `part` refers to, and those that they refer to again."""
    found: set[str] = set()
    waiting = set(_references(part))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(_references(schemas[name])) - found
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rsplit("/", 1)[-1]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


@get("/v1/openapi.json", opt={"public": True}, include_in_schema=False, media_type="application/json")
async def openapi_document(request: Request[Any, Any, Any]) -> ASGIResponse:
    """Serve the description."""
    return _description(request.app).document.answer(request.scope)


@get(["/", "/v1/docs"], opt={"public": True}, include_in_schema=False, media_type="text/html")
async def reference_page(request: Request[Any, Any, Any]) -> ASGIResponse:
    """Serve the reference for people: every address with what it takes and gives, readable without scripts."""
    return _description(request.app).page.answer(request.scope)


class _Description(msgspec.Struct, frozen=True):
    """The description in its two forms, which never change while the server runs."""

    document: Prepared
    page: Prepared


def _description(app: Litestar) -> _Description:
    known = app.state.get("description")
    if isinstance(known, _Description):
        return known
    document = description_of(app)
    policy = [(b"content-security-policy", PAGE_POLICY.encode())]
    made = _Description(
        document=Prepared(msgspec.json.encode(document), "application/json", []),
        page=Prepared(reference_html(document).encode(), "text/html; charset=utf-8", policy),
    )
    app.state["description"] = made
    return made


def reference_html(document: dict[str, Any]) -> str:
    """Write the reference page."""
    info = document["info"]
    operations = [
        _operation(path, method, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]
    schemas = [_schema(name, schema) for name, schema in document.get("components", {}).get("schemas", {}).items()]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(info["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{_text(info['title'])} API</h1>{_paragraphs(info['description'])}"
        '<p>For programs: <a href="/v1/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
        f"<main>{''.join(operations)}<h2>Objects</h2>{''.join(schemas)}</main></body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{_text(item['name'])}</code></td><td>{_text(item['in'])}"
        f"{', required' if item.get('required') else ''}</td><td>{_line(item.get('description', ''))}</td></tr>"
        for item in operation.get("parameters", [])
    )
    answers = "".join(
        f"<tr><td><code>{_text(status)}</code></td>"
        f"<td>{_line(answer.get('description', ''))} {_links(answer)}</td></tr>"
        for status, answer in operation.get("responses", {}).items()
    )
    body = operation.get("requestBody")
    return (
        f'<section><h2><span class="m">{_text(method)}</span> <code>{_text(path)}</code></h2>'
        f"<p><strong>{_text(operation.get('summary', ''))}</strong></p>{_paragraphs(operation.get('description', ''))}"
        + (f"<p>Body: {_links(body)}</p>" if body else "")
        + (f"<h3>Parameters</h3><table>{parameters}</table>" if parameters else "")
        + f"<h3>Answers</h3><table>{answers}</table></section>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    content = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
    described = _paragraphs(schema.get("description", ""))
    return f'<h3 id="{_text(name)}"><code>{_text(name)}</code></h3>{described}<pre>{_text(content)}</pre>'


def _links(part: dict[str, Any]) -> str:
    names = {
        found["$ref"].rsplit("/", 1)[-1]
        for content in part.get("content", {}).values()
        for found in (content.get("schema", {}), content.get("schema", {}).get("items", {}))
        if "$ref" in found
    }
    return " ".join(f'<a href="#{_text(name)}"><code>{_text(name)}</code></a>' for name in sorted(names))


def _paragraphs(text: str) -> str:
    """Write a description, which OpenAPI has in CommonMark; HTML in it stays text."""
    return str(_MARKDOWN.render(text))


def _line(text: str) -> str:
    return str(_MARKDOWN.renderInline(text))


def _text(value: object) -> str:
    return html.escape(str(value))
